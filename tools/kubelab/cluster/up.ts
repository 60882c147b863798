import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Build } from '../build/ensure-built.ts';
import { KubelabError } from '../errors.ts';
import { withLock } from '../lock.ts';
import { nodeBinary } from '../node-binary.ts';
import { TOOL_DIR } from '../paths.ts';
import { isAlive, type ProcessRef, waitForEnd } from '../process-ref.ts';
import { cleanStale } from './down.ts';
import { type ClusterState, isRunning, type Mode, readState } from './state.ts';
import type { ClusterRequest, SupervisorReport } from './supervisor.ts';

/** Options of up. */
export interface UpOptions {
  readonly name: string;
  readonly dir: string;
  readonly mode: Mode;
  readonly build: Build;
  readonly owner: ProcessRef | null;
  readonly ephemeral: boolean;
  readonly audit: boolean;
  readonly onStep?: ((step: string) => void) | undefined;
}

/**
 * Starts the cluster, or returns the running one of that name.
 * @throws KubelabError when a component does not come up, or the running one has another mode.
 */
export function up(options: UpOptions): Promise<{ state: ClusterState; started: boolean }> {
  return withLock(`up:${options.dir}`, async () => {
    const found = readState(options.dir);
    if (found && isRunning(found)) {
      // One whose owner has just ended is about to go as well.
      if (found.phase === 'ready' && (!found.owner || isAlive(found.owner))) {
        if (found.mode === options.mode) return { state: found, started: false };
        throw new KubelabError(
          `The cluster ${options.name} runs in mode ${found.mode}: stop it first with "down --name ${options.name}".`,
        );
      }
      // Not ready while we hold the lock: whoever started it is gone, and it is on its way down.
      if (!(await waitForEnd(found.supervisor, 60_000)))
        throw new KubelabError(`The cluster ${options.name} does not finish stopping.`);
    }
    await cleanStale(options.dir);
    if (options.mode === 'node') await (await import('../node/requirements.ts')).requireNodeSupport();
    return { state: await launch(options), started: true };
  });
}

function launch({ onStep, ...request }: UpOptions): Promise<ClusterState> {
  mkdirSync(join(request.dir, 'log'), { recursive: true, mode: 0o700 });
  const log = openSync(join(request.dir, 'log', 'supervisor.log'), 'w', 0o600);
  // Detached: a session of its own, so that Ctrl-C in the caller's terminal reaches only the caller.
  const child = spawn(nodeBinary(), [join(TOOL_DIR, 'main.ts'), 'supervise'], {
    cwd: request.dir,
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    env: withoutNodeOptions(process.env),
  });
  closeSync(log);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(
        new KubelabError(
          `The cluster ${request.name} did not start (supervisor ended with ${code}); see ${request.dir}/log.`,
        ),
      ),
    );
    child.on('message', (message: SupervisorReport) => {
      if (message.kind === 'step') onStep?.(message.step);
      if (message.kind === 'failed')
        reject(new KubelabError(`The cluster ${request.name} did not start: ${message.message}`));
      if (message.kind !== 'ready') return;
      child.removeAllListeners('exit');
      child.disconnect();
      child.unref();
      resolve(message.state);
    });
    child.send(request satisfies ClusterRequest);
  });
}

/** Loaders and inspectors of the caller (a test runner's, for example) are not the supervisor's. */
function withoutNodeOptions({ NODE_OPTIONS: _, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return env;
}
