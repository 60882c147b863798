/**
 * KindMap maps the name of a kind's root (`kat.pods()`) to its query type. Each kind's file adds its own entry by declaration merging:
 * `declare module './kind-map.js' { interface KindMap { pods: PodQuery } }`. So kinds refer to each other without importing each other.
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is filled by declaration merging, in every kind's file
export interface KindMap {}

export type KindName = keyof KindMap;

/** ResourceOf is what a query gives: the wrapper of one object. */
export type ResourceOf<Q> = Q extends PromiseLike<readonly (infer R)[]> ? R : never;
