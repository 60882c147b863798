import type { ApiResource } from '../transport/kube-types.js';

/** How the API server reads a field that it can select by. */
export interface ServerField {
  /** What an object without the field counts as; empty when left out. */
  readonly absent?: string;
  /** Where the value stands in the object, when the selector's name for it is another. */
  readonly at?: string;
}

/** KindFacts is what the planner needs to know of a kind: its path, and which fields the API server selects by. */
export interface KindFacts extends ApiResource {
  /** Short names, as kubectl has them. */
  readonly aliases?: readonly string[];
  /** Fields besides metadata.name and metadata.namespace that the API server can select by. */
  readonly serverFields?: Readonly<Record<string, ServerField>>;
}
