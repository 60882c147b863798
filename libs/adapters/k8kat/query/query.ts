import { Fault } from '@nm/kernel/fault';
import type { Relation } from '../kinds/kat-context.js';
import type { KindMap, KindName } from '../kinds/kind-map.js';
import { type Ref, refTo } from '../kinds/ref.js';
import type { Resource } from '../kinds/resource.js';
import type { LiveEvent, LiveSet } from '../watch/live-set.js';
import { type LiveOptions, openLive } from '../watch/open-live.js';
import { waitForSet } from '../watch/wait-for-set.js';
import type { WaitOptions } from '../watch/wait-until.js';
import { approximateCount } from './approximate-count.js';
import { type BulkOptions, type BulkResult, type DeleteAllOptions, deleteAll, eachOf } from './bulk.js';
import { collect, stream } from './collect.js';
import { evaluate } from './evaluate.js';
import { explainPlan, type Plan } from './explain-plan.js';
import { Filters } from './filters.js';
import { isMetadataFeature, prettyLine } from './pluck.js';
import { readTable, type Table } from './table.js';
import type { FeatureOf } from './typing.js';

/** What `pluck` and its like can take from a wrapper. */
export type PluckableOf<R> = FeatureOf<R> | ('name' | 'ns' | 'labels' | ('annotations' & keyof R));

/**
 * Query is a lazy list: nothing is asked of the cluster until it is awaited (all objects) or iterated (page by page, stopping early when the
 * loop does). It is not cached: awaiting it twice asks twice. Do not return one from an async function unless its result is meant.
 * `Rel` names the relations that `with` can load.
 */
export class Query<R extends Resource, Rel extends string = never>
  extends Filters<R>
  implements PromiseLike<R[]>, AsyncIterable<R>
{
  // biome-ignore lint/suspicious/noThenProperty: awaiting a query is its point
  then<A = R[], B = never>(
    onFulfilled?: ((resources: R[]) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.all().then(onFulfilled, onRejected);
  }

  /** all reads everything. @throws Fault cluster_unreachable, cluster_unauthorized, cluster_forbidden, kube_api */
  all(): Promise<R[]> {
    return collect(this.state);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<R> {
    for await (const page of stream(this.state)) yield* page;
  }

  /** pages gives what was found page by page, as the server sends it; a page may be empty. */
  pages(): AsyncGenerator<R[]> {
    return stream(this.state);
  }

  /** with loads relatives along with the objects: one query for each relation, however many objects there are. */
  with(...relations: readonly Rel[]): this {
    return this.derive({ eager: [...new Set([...this.state.eager, ...relations])] });
  }

  /** first is the first one that comes; it reads no more than it must. */
  first(): Ref<R> {
    return refTo(this.state, async () => (await this.limit(1).all())[0] ?? null);
  }
  find(name: string): Ref<R> {
    return this.names(name).first();
  }
  findLike(text: string | RegExp): Ref<R> {
    return this.like(text).first();
  }
  latest(): Ref<R> {
    return this.derive({ order: { by: (resource) => resource.createdAt, direction: 'desc' } }).first();
  }
  oldest(): Ref<R> {
    return this.derive({ order: { by: (resource) => resource.createdAt, direction: 'asc' } }).first();
  }
  /** findOrFail is `find` for what must be there. @throws Fault kube_api with status 404 */
  async findOrFail(name: string): Promise<R> {
    const [found] = await this.names(name).limit(1).all();
    return found ?? this.#absent(name);
  }

  async exists(): Promise<boolean> {
    return (await this.limit(1).#metadata()).length > 0;
  }

  /** count counts, reading metadata alone where that is enough. `approx` asks for one object and believes the server about the rest. */
  async count(options: { readonly approx?: boolean } = {}): Promise<number> {
    const isWhole = this.state.conditions.length === 0 && this.state.deferred.length === 0;
    if (options.approx && isWhole) return approximateCount(this.state);
    let count = 0;
    const { limit = Infinity } = this.state;
    for await (const page of evaluate(this.state, { eager: true, metadataOnly: true })) {
      count += page.length;
      if (count >= limit) return limit;
    }
    return count;
  }

  /** pluck gives one property of each, or a tuple of several; `unique` drops repetitions. */
  async pluck<K extends PluckableOf<R>>(feature: K, options?: { readonly unique?: boolean }): Promise<R[K][]>;
  async pluck<const K extends readonly [PluckableOf<R>, ...PluckableOf<R>[]]>(
    features: K,
    options?: { readonly unique?: boolean },
  ): Promise<{ [I in keyof K]: R[K[I] & keyof R] }[]>;
  async pluck(features: string | readonly string[], options: { readonly unique?: boolean } = {}): Promise<unknown[]> {
    const names = typeof features === 'string' ? [features] : features;
    const found = await collect(this.state, { metadataOnly: names.every(isMetadataFeature) });
    const rows = found.map((one) => names.map((name) => one[name as keyof R]));
    const values = typeof features === 'string' ? rows.map(([value]) => value) : rows;
    if (!options.unique) return values;
    return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
  }

  async groupBy<K extends PluckableOf<R>>(feature: K): Promise<Map<R[K], R[]>> {
    const groups = new Map<R[K], R[]>();
    for (const one of await this.all()) groups.set(one[feature], [...(groups.get(one[feature]) ?? []), one]);
    return groups;
  }

  /** table lets the server print what the query chooses, with the columns of `kubectl get`; in the server's order. */
  table(): Promise<Table> {
    return readTable(this.state);
  }

  /** prettyPluck gives a line for each: `<web-1: Running | nginx>`. */
  async prettyPluck(...features: readonly PluckableOf<R>[]): Promise<string[]> {
    const isMetadata = features.every((feature) => isMetadataFeature(String(feature)));
    const found = await collect(this.state, { metadataOnly: isMetadata });
    return found.map((one) => prettyLine(one, features));
  }

  /** each does something for every object, several at a time; failures are collected. */
  async each(work: (resource: R) => Promise<unknown>, options: BulkOptions = {}): Promise<BulkResult<R>> {
    return eachOf(await this.all(), work, options);
  }
  async labelAll(labels: Readonly<Record<string, string | null>>, options: BulkOptions = {}): Promise<BulkResult<R>> {
    return eachOf(await this.#metadata(), (one) => one.setLabel(labels), options);
  }
  async annotateAll(
    annotations: Readonly<Record<string, string | null>>,
    options: BulkOptions = {},
  ): Promise<BulkResult<R>> {
    return eachOf(await this.#metadata(), (one) => one.annotate(annotations), options);
  }
  /** deleteAll deletes what the query gives; a query without filters needs `everything: true`. */
  deleteAll(options: DeleteAllOptions = {}): Promise<BulkResult<R>> {
    return deleteAll(this.state, options);
  }

  /** live keeps what the query gives up to date by watches, with indexes; `stop()` it. */
  live(options: LiveOptions = {}): Promise<LiveSet<R>> {
    return openLive(this.state, options);
  }

  /** watch yields what there is as `added` and then each change, across broken streams, until the loop ends. */
  async *watch(options: LiveOptions = {}): AsyncGenerator<LiveEvent<R>> {
    const set = await openLive(this.state, options);
    try {
      const changes = set.changes();
      for (const resource of set.all()) yield { type: 'added', resource };
      yield* changes;
    } finally {
      set.stop();
    }
  }

  /** waitUntil waits until the set as a whole is as wanted, and gives it. @throws Fault kube_wait_timeout */
  waitUntil(wanted: (all: R[]) => boolean, options: WaitOptions = {}): Promise<R[]> {
    return waitForSet(this.state, wanted, options);
  }

  /** plan shows what would be asked of the server and what is left for us; it asks nothing. */
  plan(): Plan {
    return explainPlan(this.state);
  }

  /** related is the query of the relatives of all that this one gives. */
  protected related<N extends KindName>(relation: Relation<never, N>): KindMap[N] {
    return this.state.kat.related(relation, () => this.all());
  }

  #metadata(): Promise<R[]> {
    return collect(this.state, { metadataOnly: true });
  }

  #absent(name: string): never {
    const { kind } = this.state.kind.facts;
    throw new Fault('kube_api', {
      public: `There is no ${kind} "${name}" among those asked for.`,
      extra: { status: 404, reason: 'NotFound' },
    });
  }
}
