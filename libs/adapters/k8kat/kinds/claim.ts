import type { V1PersistentVolumeClaim, V1StorageClass } from '@kubernetes/client-node';
import { parseQuantity } from '@nm/kernel/quantity';
import { explainClaim } from '../explain/explain-claim.js';
import type { Explanation } from '../explain/explanation.js';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { Relation } from './kat-context.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { eventsOf, inNamespacesOf, namedBy } from './relations.js';
import { Resource, type Ternary } from './resource.js';

const volumesOf = namedBy<Claim, 'pvs'>('pvs', 'volumes of claims', ({ volume }) => (volume ? [volume] : []), {
  clusterWide: true,
});
const usersOf: Relation<Claim, 'pods'> = {
  to: 'pods',
  words: 'pods that use claims',
  resolve: (claims) => ({
    narrow: [inNamespacesOf(claims)],
    holds: (claim, pod) =>
      claim.ns === pod.ns &&
      (pod.raw.spec?.volumes ?? []).some(
        ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim.name,
      ),
  }),
};

/** Claim wraps a persistent volume claim. */
export class Claim extends Resource<Json<V1PersistentVolumeClaim>> {
  get phase(): string {
    return this.raw.status?.phase ?? 'Pending';
  }
  /** volume is the name of what it is bound to. */
  get volume(): string | undefined {
    return this.raw.spec?.volumeName;
  }
  get storageClass(): string | undefined {
    return this.raw.spec?.storageClassName;
  }
  /** In bytes; what it has, not what it asks for. */
  get capacity(): number | undefined {
    return parseQuantity(this.raw.status?.capacity?.['storage']);
  }
  override get ternaryStatus(): Ternary {
    if (this.phase === 'Bound') return 'positive';
    return this.phase === 'Lost' ? 'negative' : 'pending';
  }
  usedBy(): KindMap['pods'] {
    return this.related(usersOf);
  }
  pvs(): KindMap['pvs'] {
    return this.related(volumesOf);
  }
  events(): KindMap['events'] {
    return this.related(eventsOf);
  }
  /** explainError says why it has no volume; null when it has. */
  async explainError(): Promise<Explanation | null> {
    if (this.phase === 'Bound') return null;
    const [events, users, classes] = await Promise.all([
      this.events().all(),
      this.usedBy().pluck('name'),
      this.kat.session.list({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }),
    ]);
    const facts = { claim: this.raw, events: events.map(({ raw }) => raw), usedBy: users };
    return explainClaim({ ...facts, classes: classes.items as unknown as Json<V1StorageClass>[] }) ?? null;
  }
}

/** ClaimQuery narrows persistent volume claims. */
export class ClaimQuery extends NamespacedQuery<Claim, 'usedBy' | 'pvs' | 'events'> {}

export const claims: KindSpec<Claim, ClaimQuery> = {
  facts: {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    resource: 'persistentvolumeclaims',
    namespaced: true,
    aliases: ['pvc'],
    serverFields: {},
  },
  wrap: Claim,
  query: ClaimQuery,
  relations: { usedBy: usersOf, pvs: volumesOf, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    pvcs: ClaimQuery;
  }
}
