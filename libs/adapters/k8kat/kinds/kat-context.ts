import type { Clock } from '@nm/kernel/time';
import type { Condition } from '../query/condition.js';
import type { KubeSession } from '../session/kube-session.js';
import type { KindMap, KindName, ResourceOf } from './kind-map.js';

/** KatContext is what wrappers and queries hold on to: the session, and the way to queries of other kinds. */
export interface KatContext {
  readonly session: KubeSession;
  readonly clock: Clock;
  /** Who owns the fields that are written. */
  readonly fieldManager: string;
  /** Namespaces that `system()` means. */
  readonly systemNamespaces: readonly string[];
  /** query starts a query of another kind. */
  query<N extends KindName>(name: N): KindMap[N];
  /** related queries the relatives of the owners, which are read only when the query runs. */
  related<N extends KindName>(relation: Relation<never, N>, owners: () => Promise<readonly Owner[]>): KindMap[N];
  /** chosen reads the objects of a kind that meet the conditions. */
  chosen(name: KindName, conditions: readonly Condition<never>[]): Promise<readonly unknown[]>;
}

/** Owner is a wrapper whose relatives are wanted, and perhaps loaded. */
export interface Owner {
  loadedRelatives(relation: AnyRelation): readonly unknown[] | undefined;
}

/** Kinship says which objects belong to which owners: what the server may narrow by, and what decides each pair. */
export interface Kinship<From, To> {
  /** True of every relative of every owner. */
  readonly narrow: readonly Condition<To>[];
  readonly holds: (owner: From, other: To) => boolean;
}

/**
 * Relation leads from wrappers of one kind to those of another. It is resolved for many owners at once, so that a set's relatives cost one
 * query and not one for each. `null`: these owners have no relatives.
 */
export interface Relation<From, N extends KindName> {
  readonly to: N;
  /** For `plan()`. */
  readonly words: string;
  readonly resolve: (
    owners: readonly From[],
    kat: KatContext,
  ) => Promise<Kinship<From, ResourceOf<KindMap[N]>> | null> | Kinship<From, ResourceOf<KindMap[N]>> | null;
}

/** AnyRelation is a relation to whatever kind, to be kept and passed on. */
export type AnyRelation = Relation<never, KindName>;
