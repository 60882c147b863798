import type { Db } from '@nm/adapters/db';
import { forgetRuns } from '../history/forget-runs.js';
import type { QueueRunDeps } from '../queue-run.js';
import { tickSchedules } from '../schedule/tick-schedules.js';

export interface RunCareOptions extends QueueRunDeps {
  readonly db: Db;
  readonly onError: (error: unknown) => void;
  readonly tickMs?: number;
}

const tickMsDefault = 1_000;
const forgetEveryMs = 10 * 60_000;

/** startRunCare starts what schedules want and forgets old runs, until it is closed. Workers share the work by the rows. */
export function startRunCare(options: RunCareOptions): { close(): Promise<void> } {
  const { clock, onError } = options;
  const stop = new AbortController();
  const failed = (error: unknown): number => {
    onError(error);
    return 0;
  };
  const loop = (async () => {
    let forgotMs = Number.NEGATIVE_INFINITY;
    while (!stop.signal.aborted) {
      while ((await tickSchedules(options).catch(failed)) > 0 && !stop.signal.aborted);
      if (clock.monotonicMs() - forgotMs >= forgetEveryMs) {
        forgotMs = clock.monotonicMs();
        while ((await forgetRuns(options).catch(failed)) > 0 && !stop.signal.aborted);
      }
      await clock.sleep(options.tickMs ?? tickMsDefault, stop.signal).catch(() => undefined);
    }
  })();
  return {
    close: async () => {
      stop.abort();
      await loop;
    },
  };
}
