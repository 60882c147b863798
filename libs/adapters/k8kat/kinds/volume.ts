import type { V1PersistentVolume } from '@kubernetes/client-node';
import { parseQuantity } from '@nm/kernel/quantity';
import { Query } from '../query/query.js';
import type { Relation } from './kat-context.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { eventsOf } from './relations.js';
import { Resource, type Ternary } from './resource.js';

const claimsOf: Relation<Volume, 'pvcs'> = {
  to: 'pvcs',
  words: 'claims of volumes',
  resolve: (volumes) => {
    const refs = volumes.flatMap(({ raw }) => raw.spec?.claimRef ?? []);
    if (refs.length === 0) return null;
    const values = [...new Set(refs.flatMap(({ namespace }) => namespace ?? []))];
    return {
      narrow: [{ is: 'namespace', op: 'in', values }],
      holds: ({ raw }, claim) => raw.spec?.claimRef?.uid === claim.uid,
    };
  },
};

/** Volume wraps a persistent volume. */
export class Volume extends Resource<Json<V1PersistentVolume>> {
  get phase(): string {
    return this.raw.status?.phase ?? 'Pending';
  }
  /** In bytes. */
  get capacity(): number | undefined {
    return parseQuantity(this.raw.spec?.capacity?.['storage']);
  }
  get storageClass(): string | undefined {
    return this.raw.spec?.storageClassName;
  }
  override get ternaryStatus(): Ternary {
    if (this.phase === 'Failed') return 'negative';
    return this.phase === 'Pending' ? 'pending' : 'positive';
  }
  pvcs(): KindMap['pvcs'] {
    return this.related(claimsOf);
  }
  events(): KindMap['events'] {
    return this.related(eventsOf);
  }
}

/** VolumeQuery narrows persistent volumes. */
export class VolumeQuery extends Query<Volume, 'pvcs' | 'events'> {}

export const volumes: KindSpec<Volume, VolumeQuery> = {
  facts: {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    resource: 'persistentvolumes',
    namespaced: false,
    aliases: ['pv'],
    serverFields: {},
  },
  wrap: Volume,
  query: VolumeQuery,
  relations: { pvcs: claimsOf, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    pvs: VolumeQuery;
  }
}
