import type { V1ServiceAccount } from '@kubernetes/client-node';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { Relation } from './kat-context.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { inNamespacesOf, namedBy } from './relations.js';
import { Resource } from './resource.js';

const secretsOf = namedBy<ServiceAccount, 'secrets'>('secrets', 'secrets of service accounts', ({ raw }) =>
  [...(raw.secrets ?? []), ...(raw.imagePullSecrets ?? [])].flatMap(({ name }) => name ?? []),
);
const podsOf: Relation<ServiceAccount, 'pods'> = {
  to: 'pods',
  words: 'pods of service accounts',
  resolve: (accounts) => ({
    narrow: [inNamespacesOf(accounts)],
    holds: (account, pod) => account.ns === pod.ns && pod.raw.spec?.serviceAccountName === account.name,
  }),
};
const bindingsOf: Relation<ServiceAccount, 'roleBindings'> = {
  to: 'roleBindings',
  words: 'role bindings of service accounts',
  resolve: () => ({ narrow: [], holds: (account, binding) => binding.binds(account.subject) }),
};
const clusterBindingsOf: Relation<ServiceAccount, 'clusterRoleBindings'> = {
  to: 'clusterRoleBindings',
  words: 'cluster role bindings of service accounts',
  resolve: () => ({ narrow: [], holds: (account, binding) => binding.binds(account.subject) }),
};

/** ServiceAccount wraps a service account. */
export class ServiceAccount extends Resource<Json<V1ServiceAccount>> {
  get subject() {
    return { kind: 'ServiceAccount', name: this.name, namespace: this.ns } as const;
  }
  /** userName is who requests with its token come from. */
  get userName(): string {
    return `system:serviceaccount:${this.ns}:${this.name}`;
  }
  secrets(): KindMap['secrets'] {
    return this.related(secretsOf);
  }
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
  roleBindings(): KindMap['roleBindings'] {
    return this.related(bindingsOf);
  }
  clusterRoleBindings(): KindMap['clusterRoleBindings'] {
    return this.related(clusterBindingsOf);
  }
  /** token asks for a short-lived token. */
  token(seconds = 3_600) {
    return this.kat.session.requestToken(this.ns, this.name, seconds);
  }
}

/** ServiceAccountQuery narrows service accounts. */
export class ServiceAccountQuery extends NamespacedQuery<
  ServiceAccount,
  'secrets' | 'pods' | 'roleBindings' | 'clusterRoleBindings'
> {}

export const serviceAccounts: KindSpec<ServiceAccount, ServiceAccountQuery> = {
  facts: {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    resource: 'serviceaccounts',
    namespaced: true,
    aliases: ['sa'],
    serverFields: {},
  },
  wrap: ServiceAccount,
  query: ServiceAccountQuery,
  relations: { secrets: secretsOf, pods: podsOf, roleBindings: bindingsOf, clusterRoleBindings: clusterBindingsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    serviceAccounts: ServiceAccountQuery;
  }
}
