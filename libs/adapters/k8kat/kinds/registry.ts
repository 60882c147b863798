import { events } from './event.js';
import type { KindMap, KindName, ResourceOf } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import { pods } from './pod.js';
import type { Resource } from './resource.js';

type SpecOf<N extends KindName> = KindSpec<ResourceOf<KindMap[N]> & Resource, KindMap[N]>;

/** registry holds every kind that has a root of its own on `Kat`, by the root's name. */
export const registry: { readonly [N in KindName]: SpecOf<N> } = { events, pods };
