import type { Resource, Ternary } from '../kinds/resource.js';
import { type Condition, type FieldCondition, field, notField } from './condition.js';
import {
  type LabelPairs,
  type LabelSelector,
  label,
  labelPairs,
  type SingleLabelPairs,
  selectorConditions,
} from './label-filters.js';
import type { Deferred, QueryState } from './query-state.js';
import { type Duration, durationMs, type FeatureOf, type FieldsOf } from './typing.js';

/**
 * Filters narrows a query. A query never changes: each call gives a new one, and all calls count together (AND). A filter that is given
 * nothing to choose from (`names()`, `lbsIncAny({})`) lets nothing through.
 */
export abstract class Filters<R extends Resource> {
  readonly state: QueryState<R>;

  constructor(state: QueryState<R>) {
    this.state = state;
  }

  /** derive gives a query that differs in some settings. */
  protected derive(change: Partial<QueryState<R>>): this {
    const Same = this.constructor as new (state: QueryState<R>) => this;
    return new Same({ ...this.state, ...change });
  }

  /** narrow adds conditions. */
  narrow(...conditions: readonly Condition<R>[]): this {
    return this.derive({ conditions: [...this.state.conditions, ...conditions] });
  }

  /** given adds conditions that something else must be read for, when the query runs. */
  given(deferred: Deferred<R>): this {
    return this.derive({ deferred: [...this.state.deferred, deferred] });
  }

  /**
   * refine adds a test on the wrapper. `implies` tells field conditions that hold for everything that passes, so that the server sends less:
   * `refine('broken()', (pod) => pod.isBroken, notField('status.phase', 'Succeeded'))`.
   */
  protected refine(words: string, test: (resource: R) => boolean, ...implies: readonly FieldCondition[]): this {
    return this.narrow({ is: 'test', words, test, implies });
  }

  names(...names: readonly string[]): this {
    return this.narrow({ is: 'name', op: 'in', values: names });
  }
  notNames(...names: readonly string[]): this {
    return this.narrow({ is: 'name', op: 'notIn', values: names });
  }
  /** like keeps names that contain the text, or that the expression finds something in. */
  like(text: string | RegExp): this {
    return this.narrow({ is: 'like', text });
  }

  /** lbsIncEach keeps what has every pair. */
  lbsIncEach(pairs: SingleLabelPairs): this {
    return this.narrow(...labelPairs(pairs).map(([key, value]) => label(key, 'in', [value])));
  }
  /** lbsIncAny keeps what has at least one pair. */
  lbsIncAny(pairs: LabelPairs): this {
    return this.narrow({ is: 'anyLabel', pairs: labelPairs(pairs) });
  }
  /** lbsExcEach drops what has all of the pairs; having some is fine. */
  lbsExcEach(pairs: SingleLabelPairs): this {
    return this.narrow({ is: 'notAllLabels', pairs: labelPairs(pairs) });
  }
  /** lbsExcAny drops what has one of the pairs. */
  lbsExcAny(pairs: LabelPairs): this {
    return this.narrow(...labelPairs(pairs).map(([key, value]) => label(key, 'notIn', [value])));
  }
  hasLabel(...keys: readonly string[]): this {
    return this.narrow(...keys.map((key) => label(key, 'exists', [])));
  }
  lacksLabel(...keys: readonly string[]): this {
    return this.narrow(...keys.map((key) => label(key, 'absent', [])));
  }
  /** labels takes a selector: kubectl's text, or `{ app: 'x', tier: { in: ['a', 'b'] }, debug: { exists: false } }`. */
  labels(selector: LabelSelector | string): this {
    return this.narrow(...selectorConditions(selector));
  }

  /** fields keeps what has these values at these paths. The server selects where it can, else we do: it is never an error. */
  fields<const F extends Readonly<Record<string, string | number | boolean>>>(fields: F & FieldsOf<R, F>): this {
    return this.narrow(...Object.entries(fields).map(([path, value]) => field(path, String(value))));
  }
  notFields<const F extends Readonly<Record<string, string | number | boolean>>>(fields: F & FieldsOf<R, F>): this {
    return this.narrow(...Object.entries(fields).map(([path, value]) => notField(path, String(value))));
  }

  olderThan(age: Duration): this {
    return this.narrow({ is: 'age', op: 'older', ms: durationMs(age) });
  }
  newerThan(age: Duration): this {
    return this.narrow({ is: 'age', op: 'newer', ms: durationMs(age) });
  }
  /** ownedBy keeps the direct children, by owner reference. */
  ownedBy(...owners: readonly { readonly uid: string }[]): this {
    return this.narrow({ is: 'owner', uids: owners.map(({ uid }) => uid) });
  }

  where(test: (resource: R) => boolean): this {
    return this.refine('where(…)', test);
  }
  featureIs<K extends FeatureOf<R>>(feature: K, value: R[K]): this {
    return this.refine(`${feature} is ${String(value)}`, (resource) => resource[feature] === value);
  }
  featureIsNot<K extends FeatureOf<R>>(feature: K, value: R[K]): this {
    return this.refine(`${feature} is not ${String(value)}`, (resource) => resource[feature] !== value);
  }
  featureIn<K extends FeatureOf<R>>(feature: K, values: readonly R[K][]): this {
    return this.refine(`${feature} in (${values.join(', ')})`, (resource) => values.includes(resource[feature]));
  }
  featureNotIn<K extends FeatureOf<R>>(feature: K, values: readonly R[K][]): this {
    return this.refine(`${feature} not in (${values.join(', ')})`, (resource) => !values.includes(resource[feature]));
  }

  working(): this {
    return this.ternary('working()', 'positive');
  }
  broken(): this {
    return this.ternary('broken()', 'negative');
  }
  pending(): this {
    return this.ternary('pending()', 'pending');
  }
  settled(): this {
    return this.refine('settled()', (resource) => resource.hasSettled);
  }
  protected ternary(words: string, wanted: Ternary, ...implies: readonly FieldCondition[]): this {
    return this.refine(words, (resource) => resource.ternaryStatus === wanted, ...implies);
  }

  orderBy<K extends FeatureOf<R> | 'name' | 'ns'>(feature: K, direction: 'asc' | 'desc' = 'asc'): this {
    return this.derive({ order: { by: (resource) => resource[feature], direction } });
  }
  /** limit stops reading as soon as so many were found. */
  limit(count: number): this {
    return this.derive({ limit: Math.min(count, this.state.limit ?? count) });
  }
  pageSize(count: number): this {
    return this.derive({ pageSize: count });
  }
  /** selective reads alternatives of several label keys by one list each, in place of everything. */
  selective(): this {
    return this.derive({ selective: true });
  }
  signal(signal: AbortSignal): this {
    return this.derive({ signal });
  }
  /** timeout bounds each evaluation. */
  timeout(duration: Duration): this {
    return this.derive({ timeoutMs: durationMs(duration) });
  }
}
