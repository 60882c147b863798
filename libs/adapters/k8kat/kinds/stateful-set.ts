import type { V1StatefulSet } from '@kubernetes/client-node';
import { NamespacedQuery } from '../query/namespaced-query.js';
import { type Rollout, statefulSetRollout } from '../state/workload-status.js';
import { undoRevision } from '../write/undo-revision.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { childrenOf, eventsOf } from './relations.js';
import { servicesOfTemplate, Workload } from './workload.js';

const podsOf = childrenOf('pods', 'pods of stateful sets');

/** StatefulSet wraps a stateful set. */
export class StatefulSet extends Workload<Json<V1StatefulSet>> {
  protected readonly podsRelation = podsOf;

  get rollout(): Rollout {
    return statefulSetRollout(this.raw);
  }
  /** undo goes back to the revision before this one, or to a given one. @throws Fault kube_api when there is none */
  async undo(revision?: number): Promise<this> {
    await undoRevision(this.kat.session, this.target(), this, revision, this.kat.fieldManager);
    return (await this.reload()) ?? this;
  }
}

/** StatefulSetQuery narrows stateful sets. */
export class StatefulSetQuery extends NamespacedQuery<StatefulSet, 'pods' | 'svcs' | 'events'> {
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
}

export const statefulSets: KindSpec<StatefulSet, StatefulSetQuery> = {
  facts: {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    resource: 'statefulsets',
    namespaced: true,
    aliases: ['sts'],
    serverFields: {},
  },
  wrap: StatefulSet,
  query: StatefulSetQuery,
  relations: { pods: podsOf, svcs: servicesOfTemplate, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    sts: StatefulSetQuery;
  }
}
