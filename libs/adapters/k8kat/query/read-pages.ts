import type { KubeJson } from '../kinds/kube-json.js';
import type { KubeSession } from '../session/kube-session.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import type { PlannedRead } from './plan.js';

export interface ReadOptions {
  readonly pageSize: number;
  readonly signal: AbortSignal;
  /** Ask for metadata alone: a fraction of the bytes. */
  readonly metadataOnly: boolean;
  /** Ask for the next page while this one is worked on. Else the second page is asked for only when it is wanted. */
  readonly eager: boolean;
}

export interface RawPage {
  readonly items?: readonly KubeJson[] | null;
  readonly metadata?: {
    readonly continue?: string;
    readonly resourceVersion?: string;
    readonly remainingItemCount?: number;
  };
}

const metadataAccept = {
  list: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
  object: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
};
/** For a list in one piece. */
const listBytesMax = 512 * 1024 * 1024;

/**
 * readPages reads what was planned, page by page. When the snapshot expires between pages (410) it goes on from the place that the server
 * names, or else reads the list again in one piece and leaves out what it has given already.
 */
export async function* readPages(
  session: KubeSession,
  read: PlannedRead,
  options: ReadOptions,
): AsyncGenerator<readonly KubeJson[]> {
  if (read.of === 'object') {
    const object = await readObject(session, read, options);
    if (object) yield [object];
    return;
  }
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const fetchPage = (next?: string) => fetchList(session, read, { ...options, signal }, next, options.pageSize);
  const fetchWhole = () => fetchList(session, read, { ...options, signal }, undefined, undefined);
  const seen = new Set<string>();
  try {
    let pending = fetchPage();
    for (let pages = 1; ; pages++) {
      let page: RawPage;
      try {
        page = await pending;
      } catch (error) {
        const place = expiredPlace(error);
        if (pages === 1 || place === undefined) throw error;
        page = await (place === '' ? fetchWhole() : fetchPage(place));
      }
      const next = page.metadata?.continue || undefined;
      const isAhead = next !== undefined && (options.eager || pages > 1);
      if (isAhead) pending = fetchAhead(() => fetchPage(next));
      const fresh = (page.items ?? []).filter((item) => !seen.has(item.metadata?.uid ?? ''));
      if (next) for (const item of fresh) if (item.metadata?.uid) seen.add(item.metadata.uid);
      yield fresh;
      if (next === undefined) return;
      if (!isAhead) pending = fetchPage(next);
    }
  } finally {
    ended.abort();
  }
}

/** Its failure counts only when the page is wanted. */
function fetchAhead(fetch: () => Promise<RawPage>): Promise<RawPage> {
  const page = fetch();
  page.catch(() => undefined);
  return page;
}

/** The server's continue token for "go on from here, though not in the same snapshot"; empty when it named none. */
function expiredPlace(error: unknown): string | undefined {
  if (!isKubeStatus(error, 410)) return undefined;
  const place = error.extra['continue'];
  return typeof place === 'string' ? place : '';
}

async function fetchList(
  session: KubeSession,
  read: PlannedRead,
  options: ReadOptions,
  next: string | undefined,
  limit: number | undefined,
): Promise<RawPage> {
  return session.request<RawPage>('GET', read.path, {
    query: { labelSelector: read.labelSelector, fieldSelector: read.fieldSelector, limit, continue: next },
    ...(options.metadataOnly ? { accept: `${metadataAccept.list},application/json` } : {}),
    signal: options.signal,
    answerBytesMax: listBytesMax,
  });
}

async function readObject(
  session: KubeSession,
  read: PlannedRead,
  options: ReadOptions,
): Promise<KubeJson | undefined> {
  try {
    return await session.request<KubeJson>('GET', read.path, {
      ...(options.metadataOnly ? { accept: `${metadataAccept.object},application/json` } : {}),
      signal: options.signal,
    });
  } catch (error) {
    if (isKubeStatus(error, 404)) return undefined;
    throw error;
  }
}
