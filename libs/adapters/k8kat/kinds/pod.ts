import type { V1Pod } from '@kubernetes/client-node';
import { field, notField } from '../query/condition.js';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { Resource } from './resource.js';

/** Pod wraps a pod. */
export class Pod extends Resource<Json<V1Pod>> {
  get phase(): string {
    return this.raw.status?.phase ?? 'Unknown';
  }
  get node(): string | undefined {
    return this.raw.spec?.nodeName;
  }
}

/** PodQuery narrows pods. */
export class PodQuery extends NamespacedQuery<Pod> {
  running(): this {
    return this.refine('running()', (pod) => pod.phase === 'Running', field('status.phase', 'Running'));
  }
  notSucceeded(): this {
    return this.refine('notSucceeded()', (pod) => pod.phase !== 'Succeeded', notField('status.phase', 'Succeeded'));
  }
  onNode(...nodes: readonly [string]): this {
    return this.fields({ 'spec.nodeName': nodes[0] });
  }
}

export const pods: KindSpec<Pod, PodQuery> = {
  facts: {
    apiVersion: 'v1',
    kind: 'Pod',
    resource: 'pods',
    namespaced: true,
    aliases: ['po'],
    serverFields: {
      'spec.nodeName': {},
      'spec.restartPolicy': {},
      'spec.schedulerName': {},
      'spec.serviceAccountName': {},
      'spec.hostNetwork': { absent: 'false' },
      'status.phase': {},
      'status.podIP': {},
      'status.nominatedNodeName': {},
    },
  },
  wrap: Pod,
  query: PodQuery,
};

declare module './kind-map.js' {
  interface KindMap {
    pods: PodQuery;
  }
}
