import type { KubeJson } from '../kinds/kube-json.js';
import type { Resource } from '../kinds/resource.js';
import type { KubeSession } from '../session/kube-session.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import type { Condition } from './condition.js';
import { type Candidate, matches } from './match.js';
import { type CompiledPlan, compile, type PlannedRead } from './plan.js';
import type { QueryState, Settled } from './query-state.js';
import { type ReadOptions, readPages } from './read-pages.js';

export interface EvaluateOptions {
  /** Everything is wanted, so read ahead. */
  readonly eager: boolean;
  /** Metadata is enough for the caller; for the conditions it may not be. */
  readonly metadataOnly?: boolean;
}

/** Fields that a server refused to select by, so that it is asked once only. */
const refusedFields = new WeakMap<KubeSession, Map<string, Set<string>>>();

/** evaluate gives what a query chooses, page by page as it arrives, unordered and without its limit. */
export async function* evaluate<R extends Resource>(
  state: QueryState<R>,
  options: EvaluateOptions,
): AsyncGenerator<R[]> {
  const settled = await settle(state);
  if (settled === null) return;
  const { conditions, among } = settled;
  if (among) {
    const nowMs = state.kat.clock.nowMs();
    yield among.filter((object) =>
      meetsAll(
        conditions,
        candidateOf(state, object.raw, nowMs, () => object),
      ),
    );
    return;
  }
  const signal = signalOf(state);
  for (;;) {
    const refused = refusedOf(state);
    const plan = compile(state.kind.facts, conditions, { refused, selective: state.selective });
    const pages = readPlan(state, plan, options, signal);
    try {
      // A refusal comes with the first page, when nothing has been given away yet.
      const first = await pages.next();
      if (!first.done) yield first.value;
    } catch (error) {
      const fields = plan.pushedFields.filter((path) => !path.startsWith('metadata.') && !refused.has(path));
      if (!isKubeStatus(error, 400) || fields.length === 0) throw error;
      for (const path of fields) refused.add(path);
      continue;
    }
    yield* pages;
    return;
  }
}

/** settle reads what had to be read first; null when nothing can match. */
export async function settle<R extends Resource>(state: QueryState<R>): Promise<Settled<R> | null> {
  const conditions = [...state.conditions];
  let among: readonly R[] | undefined;
  for (const { resolve } of state.deferred) {
    const more = await resolve();
    if (more === null) return null;
    conditions.push(...more.conditions);
    among = more.among ?? among;
  }
  return { conditions, ...(among ? { among } : {}) };
}

/** refusedOf gives the fields of the kind that this cluster refused. */
export function refusedOf<R extends Resource>({ kat, kind: { facts } }: QueryState<R>): Set<string> {
  const byKind = refusedFields.get(kat.session) ?? new Map<string, Set<string>>();
  refusedFields.set(kat.session, byKind);
  const key = `${facts.apiVersion}/${facts.kind}`;
  const refused = byKind.get(key) ?? new Set<string>();
  byKind.set(key, refused);
  return refused;
}

async function* readPlan<R extends Resource>(
  state: QueryState<R>,
  plan: CompiledPlan<R>,
  options: EvaluateOptions,
  signal: AbortSignal,
): AsyncGenerator<R[]> {
  const isMetadataEnough = options.metadataOnly === true && plan.residue.every(isOfMetadata);
  const readOptions: ReadOptions = {
    pageSize:
      plan.residue.length === 0 && !state.order ? Math.min(state.limit ?? Infinity, state.pageSize) : state.pageSize,
    signal,
    metadataOnly: isMetadataEnough,
    eager: options.eager,
  };
  const seen = plan.strategy === 'union' ? new Set<string>() : undefined;
  const nowMs = state.kat.clock.nowMs();
  for await (const page of readAll(state.kat.session, plan, readOptions)) {
    const chosen: R[] = [];
    for (const item of page) {
      if (seen && isSeen(seen, item)) continue;
      const raw = dressed(item, state);
      let wrapper: R | undefined;
      const wrapped = () => (wrapper ??= wrap(state, raw));
      if (meetsAll(plan.residue, candidateOf(state, raw, nowMs, wrapped))) chosen.push(wrapped());
    }
    yield chosen;
  }
}

/** All reads start at once; their pages come in the order of the reads. */
async function* readAll<R>(
  session: KubeSession,
  plan: CompiledPlan<R>,
  options: ReadOptions,
): AsyncGenerator<readonly KubeJson[]> {
  const ended = new AbortController();
  const settings = { ...options, signal: AbortSignal.any([options.signal, ended.signal]) };
  try {
    let streams = startReads(session, plan.reads, settings);
    if (plan.fallback && streams[0] && (await isForbidden(streams[0].first)))
      streams = startReads(session, plan.fallback, settings);
    for (const { pages, first } of streams) {
      const opening = await first;
      if (opening.done) continue;
      yield opening.value;
      yield* pages;
    }
  } finally {
    ended.abort();
  }
}

function startReads(session: KubeSession, reads: readonly PlannedRead[], options: ReadOptions) {
  return reads.map((read) => {
    const pages = readPages(session, read, options);
    const first = pages.next();
    first.catch(() => undefined);
    return { pages, first };
  });
}

const isForbidden = (first: Promise<unknown>): Promise<boolean> =>
  first.then(
    () => false,
    (error: unknown) => isKubeStatus(error, 403),
  );

function isSeen(seen: Set<string>, { metadata }: KubeJson): boolean {
  const key = metadata?.uid ?? `${metadata?.namespace}/${metadata?.name}`;
  if (seen.has(key)) return true;
  seen.add(key);
  return false;
}

/** dressed completes an item: items of a list come without kind and apiVersion, and with the servers' bookkeeping, which is a third of most objects. */
export function dressed<R extends Resource>(item: KubeJson, { kind: { facts } }: QueryState<R>): KubeJson {
  const raw = item as KubeJson & { metadata?: { managedFields?: unknown } };
  raw.apiVersion = facts.apiVersion;
  raw.kind = facts.kind;
  if (raw.metadata?.managedFields) delete raw.metadata.managedFields;
  return raw;
}

/** wrap makes a wrapper of an object of the query's kind. */
export const wrap = <R extends Resource>({ kind, kat }: QueryState<R>, raw: KubeJson): R =>
  new kind.wrap(raw as never, kind.facts, kat);

export const candidateOf = <R extends Resource>(
  { kind: { facts } }: QueryState<R>,
  raw: KubeJson,
  nowMs: number,
  wrapped: () => R,
): Candidate<R> => ({ raw, facts, nowMs, wrapped });

/** meetsAll judges one object by all conditions. */
export const meetsAll = <R>(conditions: readonly Condition<R>[], candidate: Candidate<R>): boolean =>
  conditions.every((condition) => matches(condition, candidate));

const isOfMetadata = <R>(condition: Condition<R>): boolean =>
  condition.is !== 'test' && (condition.is !== 'field' || condition.path.startsWith('metadata.'));

function signalOf<R extends Resource>({ signal, timeoutMs }: QueryState<R>): AbortSignal {
  const signals = [...(signal ? [signal] : []), ...(timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)])];
  return signals.length === 1 && signals[0] ? signals[0] : AbortSignal.any(signals);
}
