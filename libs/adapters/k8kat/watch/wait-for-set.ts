import type { Resource } from '../kinds/resource.js';
import type { QueryState } from '../query/query-state.js';
import { openLive } from './open-live.js';
import { timeoutFault, type WaitOptions, waitTimeoutMs } from './wait-until.js';

/** waitForSet watches a query until all that it gives is as wanted. @throws Fault kube_wait_timeout */
export async function waitForSet<R extends Resource>(
  state: QueryState<R>,
  wanted: (all: R[]) => boolean,
  options: WaitOptions,
): Promise<R[]> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? waitTimeoutMs);
  const signal = AbortSignal.any([timeout, ...(options.signal ? [options.signal] : [])]);
  const set = await openLive({ ...state, signal });
  try {
    const changes = set.changes();
    for (let next: IteratorResult<unknown> = { done: false, value: undefined }; !next.done; next = await changes.next())
      if (wanted(set.all())) return set.all();
  } finally {
    set.stop();
  }
  options.signal?.throwIfAborted();
  throw timeoutFault(`What was waited for of ${set.size} ${state.kind.facts.resource}`, undefined);
}
