import type { WorkerHost } from '@nm/adapters/queue';
import type { Logger } from '@nm/adapters/telemetry';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';

interface Closable {
  close(): Promise<unknown>;
}

export interface WorkerDrain {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly drainMs: number;
  readonly host: Pick<WorkerHost, 'pause' | 'abort' | 'close'>;
  readonly unready: () => void;
  /** Closed before the running jobs have ended, after them, and at the very end. */
  readonly first: readonly Closable[];
  readonly after: readonly Closable[];
  readonly last: readonly Closable[];
}

/** What runs need of the drain time after they were told to stop, to write down where they are. Milliseconds. */
const checkpointMs = 1_500;

/**
 * drainWorker stops a worker without losing work: no more jobs → running ones may end → the rest writes down where it is and is given
 * back → queues, then pools, closed.
 */
export async function drainWorker(drain: WorkerDrain): Promise<void> {
  const { logger, clock, drainMs, host } = drain;
  drain.unready();
  logger.info('draining: no more jobs');
  await host.pause();
  await closeAll(drain.first);
  const closed = host.close();
  const inTime = await settled(clock, closed, Math.max(0, drainMs - checkpointMs));
  if (!inTime) {
    logger.info('draining: what is not done is given back');
    host.abort(new Fault('draining'));
    await settled(clock, closed, checkpointMs);
  }
  await closeAll(drain.after);
  await closeAll(drain.last);
  logger.info({ inTime }, 'draining: done');
}

const closeAll = (parts: readonly Closable[]) => Promise.allSettled(parts.map((part) => part.close()));

/** settled waits for `work`, but not longer than `ms`; says whether it ended. */
async function settled(clock: Clock, work: Promise<unknown>, ms: number): Promise<boolean> {
  const over = new AbortController();
  const ended = work.then(
    () => true,
    () => true,
  );
  const late = clock.sleep(ms, over.signal).then(
    () => false,
    () => true,
  );
  const result = await Promise.race([ended, late]);
  over.abort();
  return result;
}
