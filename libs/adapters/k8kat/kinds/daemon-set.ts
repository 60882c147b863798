import type { V1DaemonSet } from '@kubernetes/client-node';
import { Fault } from '@nm/kernel/fault';
import { NamespacedQuery } from '../query/namespaced-query.js';
import { daemonSetRollout, type Rollout } from '../state/workload-status.js';
import { undoRevision } from '../write/undo-revision.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { childrenOf, eventsOf } from './relations.js';
import { servicesOfTemplate, Workload } from './workload.js';

const podsOf = childrenOf('pods', 'pods of daemon sets');
type DaemonSetJson = Omit<Json<V1DaemonSet>, 'status'> & { status?: NonNullable<Json<V1DaemonSet>['status']> };

/** DaemonSet wraps a daemon set. */
export class DaemonSet extends Workload<DaemonSetJson & { status?: { readyReplicas?: number; replicas?: number } }> {
  protected readonly podsRelation = podsOf;

  get rollout(): Rollout {
    return daemonSetRollout(this.raw);
  }
  override get desired(): number {
    return this.raw.status?.desiredNumberScheduled ?? 0;
  }
  override get readyReplicas(): number {
    return this.raw.status?.numberReady ?? 0;
  }
  /** A daemon set has as many pods as nodes fit. @throws Fault kube_api always */
  override async scale(): Promise<this> {
    throw new Fault('kube_api', { public: 'A daemon set has no number of replicas: its nodes decide.' });
  }
  /** undo goes back to the revision before this one, or to a given one. @throws Fault kube_api when there is none */
  async undo(revision?: number): Promise<this> {
    await undoRevision(this.kat.session, this.target(), this, revision, this.kat.fieldManager);
    return (await this.reload()) ?? this;
  }
}

/** DaemonSetQuery narrows daemon sets. */
export class DaemonSetQuery extends NamespacedQuery<DaemonSet, 'pods' | 'svcs' | 'events'> {
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
}

export const daemonSets: KindSpec<DaemonSet, DaemonSetQuery> = {
  facts: {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    resource: 'daemonsets',
    namespaced: true,
    aliases: ['ds'],
    serverFields: {},
  },
  wrap: DaemonSet,
  query: DaemonSetQuery,
  relations: { pods: podsOf, svcs: servicesOfTemplate, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    ds: DaemonSetQuery;
  }
}
