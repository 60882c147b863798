import type { V1EndpointSlice } from '@kubernetes/client-node';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { namedBy } from './relations.js';
import { Resource } from './resource.js';

/** EndpointAddress is one address behind a service. */
export interface EndpointAddress {
  readonly ip: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** The pod that has it, when it is one. */
  readonly pod: string | undefined;
  readonly node: string | undefined;
}

const serviceKey = 'kubernetes.io/service-name';
const svcsOf = namedBy<EndpointSlice, 'svcs'>('svcs', 'services of endpoint slices', ({ service }) =>
  service ? [service] : [],
);

/** EndpointSlice wraps a part of the addresses behind a service. */
export class EndpointSlice extends Resource<Json<V1EndpointSlice>> {
  get service(): string | undefined {
    return this.labels[serviceKey];
  }
  get ports() {
    return this.raw.ports ?? [];
  }
  get addresses(): readonly EndpointAddress[] {
    return (this.raw.endpoints ?? []).flatMap(({ addresses, conditions, targetRef, nodeName }) =>
      addresses.map((ip) => ({
        ip,
        // Absent means ready (discovery/v1 EndpointConditions).
        ready: conditions?.ready ?? true,
        serving: conditions?.serving ?? conditions?.ready ?? true,
        terminating: conditions?.terminating ?? false,
        pod: targetRef?.kind === 'Pod' ? targetRef.name : undefined,
        node: nodeName,
      })),
    );
  }
  svcs(): KindMap['svcs'] {
    return this.related(svcsOf);
  }
}

/** EndpointSliceQuery narrows endpoint slices. */
export class EndpointSliceQuery extends NamespacedQuery<EndpointSlice, 'svcs'> {}

export const endpointSlices: KindSpec<EndpointSlice, EndpointSliceQuery> = {
  facts: {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    resource: 'endpointslices',
    namespaced: true,
    serverFields: {},
  },
  wrap: EndpointSlice,
  query: EndpointSliceQuery,
  relations: { svcs: svcsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    endpointSlices: EndpointSliceQuery;
  }
}
