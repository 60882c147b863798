import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freePort } from '../../../libs/testing/free-port.js';

const projectRoot = resolve(import.meta.dirname, '../../..');
const program = join(projectRoot, 'dist/apps/operator/src/main.js');
const readyMsMax = 20_000;

export interface OperatorProcess {
  /** Sends a signal and gives the exit code, null after a kill. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** startOperatorProcess runs the built operator with these variables and no others, and resolves when it is ready; it rejects with its output when it ends before. */
export async function startOperatorProcess(env: Record<string, string>): Promise<OperatorProcess> {
  if (!existsSync(program)) throw new Error('run `npm run build` first');
  const opsPort = await freePort();
  const child = spawn(process.execPath, [program], {
    cwd: projectRoot,
    env: { PATH: `${join(projectRoot, 'node_modules/.bin')}:/usr/bin:/bin`, NM_OPS_PORT: String(opsPort), ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
  const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return ended;
  };
  for (const beganMs = performance.now(); ; await new Promise((resume) => setTimeout(resume, 30))) {
    if (child.exitCode !== null) throw new Error(`the operator ended with ${child.exitCode}: ${output}`);
    const status = await fetch(`http://127.0.0.1:${opsPort}/readyz`).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return { end };
    if (performance.now() - beganMs > readyMsMax) {
      await end('SIGKILL');
      throw new Error(`the operator was not ready in time: ${output}`);
    }
  }
}
