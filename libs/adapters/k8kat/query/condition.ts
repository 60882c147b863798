/** A label that an object must (not) have. */
export type LabelPair = readonly [key: string, value: string];

/** A condition that narrows a query; a query is the conjunction of its conditions. */
export type Condition<R = unknown> =
  | { readonly is: 'namespace' | 'name'; readonly op: 'in' | 'notIn'; readonly values: readonly string[] }
  | { readonly is: 'like'; readonly text: string | RegExp }
  | { readonly is: 'label'; readonly key: string; readonly op: LabelOperator; readonly values: readonly string[] }
  /** At least one pair. */
  | { readonly is: 'anyLabel'; readonly pairs: readonly LabelPair[] }
  /** Not all pairs. */
  | { readonly is: 'notAllLabels'; readonly pairs: readonly LabelPair[] }
  | FieldCondition
  | { readonly is: 'age'; readonly op: 'older' | 'newer'; readonly ms: number }
  | { readonly is: 'owner'; readonly uids: readonly string[] }
  | TestCondition<R>;

export type LabelOperator = 'in' | 'notIn' | 'exists' | 'absent';

export interface FieldCondition {
  readonly is: 'field';
  /** Dotted, as in a field selector: `status.phase`. */
  readonly path: string;
  readonly op: '=' | '!=';
  readonly value: string;
}

/** TestCondition is decided by a function on the wrapper, so here and never by the server. */
export interface TestCondition<R> {
  readonly is: 'test';
  /** For `plan()`. */
  readonly words: string;
  readonly test: (resource: R) => boolean;
  /** What is true of every object that passes, so that the server can send fewer. */
  readonly implies?: readonly FieldCondition[];
}

/** field and notField write field conditions shortly. */
export const field = (path: string, value: string): FieldCondition => ({ is: 'field', path, op: '=', value });
export const notField = (path: string, value: string): FieldCondition => ({ is: 'field', path, op: '!=', value });
