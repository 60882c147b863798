import type { Kind, QueryState } from '../query/query-state.js';
import type { Resource } from './resource.js';

/** KindSpec is all there is to know of a kind: its path, its wrapper, its query, and how it is related to others. */
export interface KindSpec<R extends Resource, Q> extends Kind<R> {
  readonly query: new (state: QueryState<R>) => Q;
}
