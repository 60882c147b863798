import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { masterKey } from './fixture.js';

const program = fileURLToPath(new URL('../../../dist/apps/gateway/src/main.js', import.meta.url));
const lastBytes = 8_192;

/** One process that serves, as its log tells. */
export interface ServingProcess {
  readonly pid: number;
  readonly port: number;
  readonly opsPort: number;
}

export interface GatewayProcess {
  readonly child: ChildProcess;
  /** Every process that ever said that it listens, oldest first. */
  readonly serving: readonly ServingProcess[];
  /** Resolves when so many have. */
  servingAtLeast(count: number): Promise<readonly ServingProcess[]>;
  /** Ends it, and gives its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** startGatewayProcess runs the built gateway as its own program, as production does. */
export function startGatewayProcess(databaseUrl: string, env: Record<string, string> = {}): GatewayProcess {
  const child = spawn(process.execPath, [program], {
    env: {
      ...process.env,
      NM_DATABASE_URL: databaseUrl,
      NM_MASTER_KEY: masterKey.toString('base64'),
      NM_GATEWAY_PORT: '0',
      NM_OPS_PORT: '0',
      NM_GATEWAY_LOG_SAMPLE: '0',
      NM_GATEWAY_DRAIN_LISTEN_MS: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const serving: ServingProcess[] = [];
  let output = '';
  let rest = '';
  const see = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-lastBytes);
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines)
      if (line.includes('gateway is listening')) serving.push(JSON.parse(line) as ServingProcess);
  };
  child.stdout.on('data', see);
  child.stderr.on('data', see);
  const ended = once(child, 'exit') as Promise<[number | null]>;
  return {
    child,
    serving,
    servingAtLeast: async (count) => {
      while (serving.length < count) {
        const more = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
        if (!more) throw new Error(`the gateway ended: ${output}`);
      }
      return serving;
    },
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return (await ended)[0];
    },
  };
}

const pageBytes = 4_096;

/** Memory of a process that is in use, in bytes. */
export const rssOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes;
