import type { V1ReplicaSet } from '@kubernetes/client-node';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { Rollout } from '../state/workload-status.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { childrenOf, eventsOf, ownersOf } from './relations.js';
import { servicesOfTemplate, Workload } from './workload.js';

const podsOf = childrenOf('pods', 'pods of replica sets');
const deploymentsOf = ownersOf('deps', 'Deployment', 'deployments of replica sets');

/** ReplicaSet wraps a replica set: one revision of a deployment, mostly. */
export class ReplicaSet extends Workload<Json<V1ReplicaSet>> {
  protected readonly podsRelation = podsOf;

  get rollout(): Rollout {
    const short = this.desired - (this.raw.status?.availableReplicas ?? 0);
    const failure = this.raw.status?.conditions?.find(
      ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
    );
    if (failure && short > 0) return { state: 'failed', message: failure.message ?? 'pods cannot be made' };
    return short > 0
      ? { state: 'waiting', message: `${short} of ${this.desired} replicas are not available` }
      : { state: 'done', message: 'has its replicas' };
  }
  get revision(): number {
    return Number(this.annotations['deployment.kubernetes.io/revision'] ?? 0);
  }
  deps(): KindMap['deps'] {
    return this.related(deploymentsOf);
  }
}

/** ReplicaSetQuery narrows replica sets. */
export class ReplicaSetQuery extends NamespacedQuery<ReplicaSet, 'pods' | 'svcs' | 'deps' | 'events'> {
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
  deps(): KindMap['deps'] {
    return this.related(deploymentsOf);
  }
}

export const replicaSets: KindSpec<ReplicaSet, ReplicaSetQuery> = {
  facts: {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    resource: 'replicasets',
    namespaced: true,
    aliases: ['rs'],
    serverFields: { 'status.replicas': { absent: '0' } },
  },
  wrap: ReplicaSet,
  query: ReplicaSetQuery,
  relations: { pods: podsOf, svcs: servicesOfTemplate, deps: deploymentsOf, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    rs: ReplicaSetQuery;
  }
}
