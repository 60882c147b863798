import { randomFraction } from '@nm/kernel/ids';
import { backoffMs, systemClock } from '@nm/kernel/time';
import { type ListOptions, listAll } from '../session/list.js';
import { faultOfStatus, isKubeStatus, type KubeStatus } from '../transport/kube-faults.js';
import { objectPath } from '../transport/kube-paths.js';
import type { ApiResource, KubeObject } from '../transport/kube-types.js';
import type { Transport } from '../transport/transport.js';

export interface WatchOptions extends ListOptions {
  /** The watch ends when this aborts. */
  readonly signal: AbortSignal;
  /** A stream that says nothing for so long (bookmarks come every minute) counts as dead. */
  readonly silenceMsMax?: number;
  /** Lists everything again so often, in case that a change was lost unseen. */
  readonly resyncMs?: number;
  /** Told of each sign of life of the server. */
  readonly onSign?: () => void;
}

/** `list` carries everything there is, at the start and after a gap; whatever is not in it is gone. */
export type WatchEvent =
  | { readonly type: 'list'; readonly objects: readonly KubeObject[] }
  | { readonly type: 'added' | 'modified' | 'deleted'; readonly object: KubeObject };

interface RawEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: KubeObject & KubeStatus;
}

const watchSeconds = 290;
const silenceMsDefault = 120_000;
const lineCharsMax = 8 * 1024 * 1024;

const resyncMsDefault = 600_000;
/** A stream that lived no longer was refused rather than ended. */
const shortLifeMs = 1_000;

/**
 * watchObjects is list + watch: it yields the list, then each change, and starts over with a new list when the server has forgotten our
 * place (410, as a status or as an event) and every ten minutes. Broken and silent streams are opened again from the last place, after a
 * growing pause; so are lists, once the first has come. @throws Fault what refuses the first list; 401 and 403 always
 */
export async function* watchObjects(
  transport: Transport,
  resource: ApiResource,
  what: WatchOptions,
): AsyncGenerator<WatchEvent> {
  let place: string | undefined;
  let failures = 0;
  let listedAtMs: number | undefined;
  const resyncMs = what.resyncMs ?? resyncMsDefault;
  while (!what.signal.aborted) {
    const openedAtMs = systemClock.monotonicMs();
    const isDue = listedAtMs !== undefined && openedAtMs - listedAtMs >= resyncMs;
    try {
      if (place === undefined || isDue) {
        const page = await listAll(transport, resource, what);
        place = page.resourceVersion;
        listedAtMs = openedAtMs;
        what.onSign?.();
        yield { type: 'list', objects: page.items };
      }
      for await (const event of readStream(transport, resource, what, place)) {
        failures = 0;
        what.onSign?.();
        place = event.object.metadata?.resourceVersion ?? place;
        if (event.type === 'BOOKMARK') continue;
        yield { type: names[event.type], object: event.object };
        if (systemClock.monotonicMs() - (listedAtMs ?? 0) >= resyncMs) break;
      }
      if (systemClock.monotonicMs() - openedAtMs < shortLifeMs) failures++;
    } catch (error) {
      if (what.signal.aborted) return;
      if (isKubeStatus(error, 410)) place = undefined;
      else if (listedAtMs === undefined || isKubeStatus(error, 401) || isKubeStatus(error, 403)) throw error;
      failures++;
    }
    if (failures > 0 && !what.signal.aborted) {
      await systemClock.sleep(backoffMs(failures, 200, 15_000, randomFraction()), what.signal).catch(() => undefined);
    }
  }
}

const names = { ADDED: 'added', MODIFIED: 'modified', DELETED: 'deleted' } as const;

async function* readStream(
  transport: Transport,
  resource: ApiResource,
  what: WatchOptions,
  resourceVersion: string,
): AsyncGenerator<RawEvent & { type: Exclude<RawEvent['type'], 'ERROR'> }> {
  const silence = new AbortController();
  const silenceMs = what.silenceMsMax ?? silenceMsDefault;
  const timer = setTimeout(() => silence.abort(new Error('the watch went silent')), silenceMs);
  try {
    const body = await transport.stream(objectPath(resource, what.namespace), {
      query: {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion,
        // Spread, so that a thousand watches do not come back in the same second.
        timeoutSeconds: watchSeconds - Math.round(30 * randomFraction()),
        labelSelector: what.labelSelector,
        fieldSelector: what.fieldSelector,
      },
      signal: AbortSignal.any([what.signal, silence.signal]),
    });
    for await (const line of linesOf(body)) {
      timer.refresh();
      const event = JSON.parse(line) as RawEvent;
      if (event.type === 'ERROR') throw faultOfStatus(event.object.code ?? 500, event.object);
      yield { type: event.type, object: event.object };
    }
  } finally {
    clearTimeout(timer);
  }
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > lineCharsMax) throw new Error('a watch event is too large');
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
}
