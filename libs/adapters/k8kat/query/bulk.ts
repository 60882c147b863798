import { Fault } from '@nm/kernel/fault';
import type { Resource } from '../kinds/resource.js';
import type { DeleteObjectOptions } from '../write/delete-object.js';
import { collect } from './collect.js';
import { settle } from './evaluate.js';
import { compile } from './plan.js';
import type { QueryState } from './query-state.js';

/** What became of each object; one that failed does not stop the others. */
export interface BulkResult<R> {
  readonly done: readonly R[];
  readonly failed: readonly { readonly resource: R; readonly error: unknown }[];
}

export interface BulkOptions {
  /** So many at once; eight when left out. */
  readonly concurrency?: number;
}

export interface DeleteAllOptions extends DeleteObjectOptions, BulkOptions {
  /** Needed to delete everything there is: a query without any filter. */
  readonly everything?: boolean;
}

/** eachOf does the work for every object that a query gives. */
export async function eachOf<R extends Resource>(
  resources: readonly R[],
  work: (resource: R) => Promise<unknown>,
  { concurrency = 8 }: BulkOptions = {},
): Promise<BulkResult<R>> {
  const done: R[] = [];
  const failed: { resource: R; error: unknown }[] = [];
  const waiting = resources[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const resource of waiting)
      try {
        await work(resource);
        done.push(resource);
      } catch (error) {
        failed.push({ resource, error });
      }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, worker));
  return { done, failed };
}

/**
 * deleteAll deletes what a query gives. When the server decides alone and in one namespace, one request does it (deletecollection); else each
 * is deleted by its uid, so that a namesake that comes in between lives on. @throws Fault invalid_query for a query without filters
 */
export async function deleteAll<R extends Resource>(
  state: QueryState<R>,
  { everything = false, concurrency, ...options }: DeleteAllOptions,
): Promise<BulkResult<R>> {
  const { kat, kind } = state;
  const isUnfiltered = state.conditions.length === 0 && state.deferred.length === 0 && state.limit === undefined;
  if (isUnfiltered && !everything)
    throw new Fault('invalid_query', {
      public: `This would delete all ${kind.facts.resource} of the cluster. Filter, or say everything.`,
    });
  const settled = await settle(state);
  if (!settled) return { done: [], failed: [] };
  const found = await collect(state, { metadataOnly: true });
  const plan = compile(kind.facts, settled.conditions, { listsOnly: true });
  const [read] = plan.reads;
  const isOneRequest =
    plan.residue.length === 0 && plan.reads.length === 1 && !settled.among && state.limit === undefined;
  if (found.length > 8 && isOneRequest && read && (read.namespace !== undefined || !kind.facts.namespaced)) {
    const { labelSelector, fieldSelector } = read;
    await kat.session.request('DELETE', read.path, {
      query: { labelSelector, fieldSelector },
      body: {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        propagationPolicy: options.propagation ?? 'Background',
        ...(options.graceSeconds === undefined ? {} : { gracePeriodSeconds: options.graceSeconds }),
        ...(options.dryRun ? { dryRun: ['All'] } : {}),
      },
      signal: options.signal,
    });
    return { done: found, failed: [] };
  }
  return eachOf(found, (resource) => resource.delete(options), concurrency === undefined ? {} : { concurrency });
}
