import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@nm/testing';

export const root = join(import.meta.dirname, '..');

export interface DevstackRun {
  readonly env: NodeJS.ProcessEnv;
  readonly child: ChildProcess;
  output(): string;
  /** Resolves when the output holds `text`; fails when the process ends first. */
  shows(text: string, timeoutMs?: number): Promise<void>;
  /** What Ctrl-C does: SIGINT to the terminal's whole foreground group. Resolves when everything that wrote to the terminal has ended; later calls do nothing. */
  ctrlC(): Promise<void>;
  readonly exited: Promise<number | null>;
}

/** devstackEnv gives a devstack its own state folder and ports, so that it runs beside others. */
export async function devstackEnv(home: string, extra: Record<string, string> = {}): Promise<NodeJS.ProcessEnv> {
  const [gateway, api, ops, postgres, agents, tls] = await Promise.all(Array.from({ length: 6 }, () => freePort()));
  return {
    ...process.env,
    NM_HOME: home,
    NM_GATEWAY_PORT: String(gateway),
    NM_GATEWAY_TLS_PORT: String(tls),
    NM_API_PORT: String(api),
    NM_OPS_PORT: String(ops),
    NM_POSTGRES_PORT: String(postgres),
    NM_AGENT_PORT: String(agents),
    ...extra,
  };
}

/** startDevstack types `npm start` in the project's folder. */
export function startDevstack(env: NodeJS.ProcessEnv): DevstackRun {
  const child = spawn('npm', ['start', '--silent'], {
    cwd: root,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  return {
    env,
    child,
    exited,
    output: () => output,
    ctrlC: async () => {
      if (!ended) process.kill(-(child.pid as number), 'SIGINT');
      await exited;
    },
    shows: async (text, timeoutMs = 120_000) => {
      const deadline = performance.now() + timeoutMs;
      while (!output.includes(text)) {
        if (ended) throw new Error(`it ended before it showed "${text}":\n${output}`);
        if (performance.now() > deadline) throw new Error(`it did not show "${text}" in ${timeoutMs} ms:\n${output}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

/** processesOf finds every live process that names a state folder in its environment or command line, but for the test's own terminal. */
export function processesOf(home: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      if (
        command &&
        !command.startsWith('bash --norc') &&
        Number(pid) !== process.pid &&
        (command.includes(home) || environment.includes(`NM_HOME=${home}`))
      )
        found.push(`${pid} ${command}`);
    } catch {
      // It has just ended, or is not ours to read.
    }
  }
  return found;
}
