import type { KubeJson } from '../kinds/kube-json.js';
import type { Resource } from '../kinds/resource.js';
import type { Condition } from '../query/condition.js';
import { candidateOf, dressed, refusedOf, settle, wrap } from '../query/evaluate.js';
import { compile, type PlannedRead } from '../query/plan.js';
import type { QueryState } from '../query/query-state.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import { LiveSet } from './live-set.js';
import type { WatchOptions } from './watch.js';

export type LiveOptions = Pick<WatchOptions, 'silenceMsMax' | 'resyncMs'>;

/** Lists of this many objects fit into memory. */
const objectsMax = 200_000;

/**
 * openLive starts the watches of a query and gives its set once each has listed. Conditions that something else had to be read for are
 * settled once, at the start. @throws Fault what refuses the first list
 */
export async function openLive<R extends Resource>(
  state: QueryState<R>,
  options: LiveOptions = {},
): Promise<LiveSet<R>> {
  const settled = await settle(state);
  const conditions: readonly Condition<R>[] = settled?.conditions ?? [{ is: 'name', op: 'in', values: [] }];
  for (;;) {
    const refused = refusedOf(state);
    const plan = compile(state.kind.facts, conditions, { refused, listsOnly: true });
    try {
      return await startWatches(state, plan.reads, plan.residue, options).catch((error: unknown) => {
        if (!plan.fallback || !isKubeStatus(error, 403)) throw error;
        return startWatches(state, plan.fallback, plan.residue, options);
      });
    } catch (error) {
      const fields = plan.pushedFields.filter((path) => !path.startsWith('metadata.') && !refused.has(path));
      if (!isKubeStatus(error, 400) || fields.length === 0) throw error;
      for (const path of fields) refused.add(path);
    }
  }
}

async function startWatches<R extends Resource>(
  state: QueryState<R>,
  reads: readonly PlannedRead[],
  residue: readonly Condition<R>[],
  options: LiveOptions,
): Promise<LiveSet<R>> {
  const { kat } = state;
  const stop = new AbortController();
  const set = new LiveSet<R>(
    {
      conditions: residue,
      candidate: (raw) => {
        const clean = dressed(raw, state);
        let wrapper: R | undefined;
        return candidateOf(state, clean, kat.clock.nowMs(), () => (wrapper ??= wrap(state, clean)));
      },
    },
    stop,
  );
  state.signal?.addEventListener('abort', () => set.stop(), { once: true });
  const synced = reads.map(
    (read, source) =>
      new Promise<void>(
        (resolve, reject) => void follow(state, set, read, source, stop, options, resolve).catch(reject),
      ),
  );
  try {
    await Promise.all(synced);
    return set;
  } catch (error) {
    set.stop();
    throw error;
  }
}

async function follow<R extends Resource>(
  state: QueryState<R>,
  set: LiveSet<R>,
  read: PlannedRead,
  source: number,
  stop: AbortController,
  options: LiveOptions,
  onSynced: () => void,
): Promise<void> {
  let isSynced = false;
  const { kat } = state;
  try {
    const watch = kat.session.watchResource(state.kind.facts, {
      namespace: read.namespace,
      ...(read.labelSelector ? { labelSelector: read.labelSelector } : {}),
      ...(read.fieldSelector ? { fieldSelector: read.fieldSelector } : {}),
      ...options,
      objectsMax,
      signal: stop.signal,
      onSign: () => set.sign(kat.clock.monotonicMs()),
    });
    for await (const event of watch) {
      if (event.type === 'list') {
        set.replace(source, event.objects as unknown as readonly KubeJson[]);
        isSynced = true;
        onSynced();
      } else if (event.type === 'deleted') set.remove(event.object as unknown as KubeJson);
      else set.put(source, event.object as unknown as KubeJson);
    }
  } catch (error) {
    if (!isSynced) throw error;
    set.end(error);
    stop.abort();
  }
}
