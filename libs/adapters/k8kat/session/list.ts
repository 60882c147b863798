import { Fault } from '@nm/kernel/fault';
import { isKubeStatus } from '../transport/kube-faults.js';
import { objectPath } from '../transport/kube-paths.js';
import type { ApiResource, KubeObject } from '../transport/kube-types.js';
import type { Transport } from '../transport/transport.js';

export interface ListOptions {
  readonly apiVersion: string;
  readonly kind: string;
  /** Left out: every namespace. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Objects a page. */
  readonly pageSize?: number;
  readonly signal?: AbortSignal | undefined;
  /** More objects than this are an error; 20,000 when left out. */
  readonly objectsMax?: number;
}

export interface ListPage {
  readonly items: readonly KubeObject[];
  /** Opaque; where a watch goes on. */
  readonly resourceVersion: string;
}

interface RawList {
  readonly items?: readonly KubeObject[] | null;
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
}

const pageSizeDefault = 500;
const objectsMax = 20_000;
/** For a list in one piece. */
const listBytesMax = 512 * 1024 * 1024;

/** listAll reads every page. When the snapshot expires between pages (410) it starts over in one piece, as clients are told to. */
export async function listAll(transport: Transport, resource: ApiResource, what: ListOptions): Promise<ListPage> {
  try {
    return await readPages(transport, resource, what, what.pageSize ?? pageSizeDefault);
  } catch (error) {
    if (isKubeStatus(error, 410)) return readPages(transport, resource, what, undefined);
    throw error;
  }
}

async function readPages(
  transport: Transport,
  resource: ApiResource,
  what: ListOptions,
  limit: number | undefined,
): Promise<ListPage> {
  const path = objectPath(resource, what.namespace);
  const items: KubeObject[] = [];
  let next: string | undefined;
  for (;;) {
    const page = (await transport.request('GET', path, {
      query: { labelSelector: what.labelSelector, fieldSelector: what.fieldSelector, limit, continue: next },
      signal: what.signal,
      answerBytesMax: listBytesMax,
    })) as RawList;
    // List items come without kind and apiVersion.
    for (const item of page.items ?? []) items.push({ ...item, apiVersion: resource.apiVersion, kind: resource.kind });
    const most = what.objectsMax ?? objectsMax;
    if (items.length > most)
      throw new Fault('kube_api', { public: `There are more than ${most} objects of kind ${resource.kind}.` });
    next = page.metadata?.continue || undefined;
    if (!next) return { items, resourceVersion: page.metadata?.resourceVersion ?? '' };
  }
}
