import { KubelabError } from '../errors.ts';
import { signal, waitForEnd } from '../process-ref.ts';
import { isRunning, readState, removeState, wipe } from './state.ts';

/** Ends the cluster in `dir` and waits until it is gone; with `andWipe` its data goes as well. True when one was running. */
export async function down(dir: string, andWipe = false): Promise<boolean> {
  const state = readState(dir);
  const running = state !== undefined && isRunning(state);
  if (running) {
    signal(state.supervisor, 'SIGTERM');
    if (!(await waitForEnd(state.supervisor, 90_000))) {
      throw new KubelabError(
        `The cluster ${state.name} (process ${state.supervisor.pid}) did not end in 90 s; see ${dir}/log/supervisor.log.`,
      );
    }
  }
  await cleanStale(dir);
  if (andWipe) wipe(dir);
  return running;
}

/** Removes what a cluster left whose supervisor was killed. Does nothing while the supervisor runs. */
export async function cleanStale(dir: string): Promise<void> {
  const { undoAbandonedNode } = await import('../node/undo-abandoned.ts');
  await undoAbandonedNode();
  const state = readState(dir);
  if (!state || isRunning(state)) return;
  // The kernel kills the children with their parent; this is for a kernel that was slower than we are.
  for (const ref of Object.values(state.children)) signal(ref, 'SIGKILL');
  await Promise.all(Object.values(state.children).map((ref) => waitForEnd(ref, 5_000)));
  if (state.ephemeral) wipe(dir);
  else removeState(dir);
}
