import type { AnyRelation, KatContext } from '../kinds/kat-context.js';
import type { KindFacts } from '../kinds/kind-facts.js';
import type { Resource } from '../kinds/resource.js';
import type { Condition } from './condition.js';

/** Kind is what a query knows of its kind: facts for the planner, and how to wrap what comes. */
export interface Kind<R extends Resource> {
  readonly facts: KindFacts;
  /** The wrapper's class. */
  readonly wrap: new (
    raw: never,
    facts: KindFacts,
    kat: KatContext,
  ) => R;
  /** What `with()` can load and a `Ref` can follow, by the name of the wrapper's method. */
  readonly relations?: Readonly<Record<string, AnyRelation>>;
}

/** What a deferred condition comes to: more conditions, and perhaps the objects themselves, which then need not be read. */
export interface Settled<R> {
  readonly conditions: readonly Condition<R>[];
  readonly among?: readonly R[];
}

/** A condition that is known only once something else was read. `null`: nothing can match. */
export interface Deferred<R> {
  /** For `plan()`. */
  readonly words: string;
  readonly resolve: () => Promise<Settled<R> | null>;
}

export interface Order<R> {
  readonly by: (resource: R) => unknown;
  readonly direction: 'asc' | 'desc';
}

/** QueryState is all of a query; each step of the chain copies it. */
export interface QueryState<R extends Resource> {
  readonly kind: Kind<R>;
  readonly kat: KatContext;
  readonly conditions: readonly Condition<R>[];
  readonly deferred: readonly Deferred<R>[];
  readonly eager: readonly string[];
  readonly order?: Order<R>;
  readonly limit?: number;
  readonly pageSize: number;
  readonly selective: boolean;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** queryState is where every query of a kind starts. */
export const queryState = <R extends Resource>(kind: Kind<R>, kat: KatContext): QueryState<R> => ({
  kind,
  kat,
  conditions: [],
  deferred: [],
  eager: [],
  pageSize: 500,
  selective: false,
});
