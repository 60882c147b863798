import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { RunLab } from '../../../libs/testing/run-lab.js';

const projectRoot = resolve(import.meta.dirname, '../../..');

export interface WorkerProcess {
  readonly child: ChildProcess;
  output(): string;
  /** Sends a signal and waits for the end; gives the exit code, null after a kill. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** spawnWorker starts the built worker as production does, on the lab's database; resolves when it takes jobs. @param env undefined takes the product's default */
export async function spawnWorker(
  lab: Pick<RunLab, 'masterKey'> & { readonly database: { readonly url: string } },
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [join(projectRoot, 'dist/apps/worker/src/main.js')], {
    cwd: projectRoot,
    env: {
      PATH: process.env['PATH'],
      NM_DATABASE_URL: lab.database.url,
      NM_MASTER_KEY: lab.masterKey.toString('base64'),
      NM_EGRESS_ALLOW: '127.0.0.0/8,::1',
      NM_RUN_LEASE_MS: '2000',
      NM_SWEEP_MS: '300',
      NM_DRAIN_MS: '4000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  await new Promise<void>((done, fail) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('worker started')) done();
      });
    child.once('error', fail).once('exit', (code) => fail(new Error(`the worker ended with ${code}: ${output}`)));
  });
  return {
    child,
    output: () => output,
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
      child.kill(signal);
      return ended;
    },
  };
}
