import { NamespacedQuery } from '../query/namespaced-query.js';
import { Query } from '../query/query.js';
import type { KindFacts } from './kind-facts.js';
import type { KindSpec } from './kind-spec.js';
import type { KubeJson } from './kube-json.js';
import { Resource } from './resource.js';

/** What an object of a kind without a wrapper of its own looks like. */
export interface AnyJson extends KubeJson {
  [field: string]: unknown;
}

/** customKind describes a kind that lives in namespaces, for `kat.of()`; `Raw` is the shape of its objects. */
export const customKind = <Raw extends KubeJson = AnyJson>(
  facts: KindFacts & { readonly namespaced: true },
): KindSpec<Resource<Raw>, NamespacedQuery<Resource<Raw>>> => ({
  facts,
  wrap: Resource<Raw>,
  query: NamespacedQuery<Resource<Raw>>,
});

/** customClusterKind is the same for a kind that belongs to the whole cluster. */
export const customClusterKind = <Raw extends KubeJson = AnyJson>(
  facts: KindFacts & { readonly namespaced: false },
): KindSpec<Resource<Raw>, Query<Resource<Raw>>> => ({ facts, wrap: Resource<Raw>, query: Query<Resource<Raw>> });
