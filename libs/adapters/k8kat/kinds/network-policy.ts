import type { V1NetworkPolicy } from '@kubernetes/client-node';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { selectedPods } from './relations.js';
import { Resource } from './resource.js';

// A policy without a selector means every pod of its namespace.
const podsOf = selectedPods<NetworkPolicy>('pods of network policies', ({ raw }) => raw.spec?.podSelector ?? {});

/** NetworkPolicy wraps a network policy. */
export class NetworkPolicy extends Resource<Json<V1NetworkPolicy>> {
  get restrictsIngress(): boolean {
    return this.raw.spec?.policyTypes?.includes('Ingress') ?? true;
  }
  get restrictsEgress(): boolean {
    return this.raw.spec?.policyTypes?.includes('Egress') ?? (this.raw.spec?.egress?.length ?? 0) > 0;
  }
  /** deniesAllIngress: nothing at all may come in, as far as this policy goes. */
  get deniesAllIngress(): boolean {
    return this.restrictsIngress && (this.raw.spec?.ingress?.length ?? 0) === 0;
  }
  get deniesAllEgress(): boolean {
    return this.restrictsEgress && (this.raw.spec?.egress?.length ?? 0) === 0;
  }
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
}

/** NetworkPolicyQuery narrows network policies. */
export class NetworkPolicyQuery extends NamespacedQuery<NetworkPolicy, 'pods'> {}

export const networkPolicies: KindSpec<NetworkPolicy, NetworkPolicyQuery> = {
  facts: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    resource: 'networkpolicies',
    namespaced: true,
    aliases: ['netpol'],
    serverFields: {},
  },
  wrap: NetworkPolicy,
  query: NetworkPolicyQuery,
  relations: { pods: podsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    netpols: NetworkPolicyQuery;
  }
}
