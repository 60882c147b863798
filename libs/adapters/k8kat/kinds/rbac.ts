import type { V1ClusterRole, V1ClusterRoleBinding, V1Role, V1RoleBinding } from '@kubernetes/client-node';
import { NamespacedQuery } from '../query/namespaced-query.js';
import { Query } from '../query/query.js';
import { allows, type RuleJson, type RuleRow, ruleMatrix } from '../state/rbac-rules.js';
import type { Relation } from './kat-context.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { namedBy } from './relations.js';
import { Resource } from './resource.js';

/** Subject is whom a binding binds. */
export interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

interface BindingJson {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly Subject[];
}

const bindsSubject = ({ subjects = [] }: BindingJson, who: Subject): boolean =>
  subjects.some(({ kind, name, namespace }) => {
    if (kind === 'Group' && who.kind === 'ServiceAccount')
      return name === 'system:serviceaccounts' || name === `system:serviceaccounts:${who.namespace}`;
    return kind === who.kind && name === who.name && (kind !== 'ServiceAccount' || namespace === who.namespace);
  });

const bindingsOfRole: Relation<Role, 'roleBindings'> = {
  to: 'roleBindings',
  words: 'bindings of roles',
  resolve: () => ({
    narrow: [],
    holds: (role, { ns, raw }) => ns === role.ns && raw.roleRef.kind === 'Role' && raw.roleRef.name === role.name,
  }),
};
const bindingsOfClusterRole: Relation<ClusterRole, 'clusterRoleBindings'> = {
  to: 'clusterRoleBindings',
  words: 'bindings of cluster roles',
  resolve: () => ({ narrow: [], holds: (role, { raw }) => raw.roleRef.name === role.name }),
};
const rolesOf = namedBy<RoleBinding, 'roles'>('roles', 'roles of bindings', ({ raw }) =>
  raw.roleRef.kind === 'Role' ? [raw.roleRef.name] : [],
);
const clusterRolesOf = namedBy<RoleBinding | ClusterRoleBinding, 'clusterRoles'>(
  'clusterRoles',
  'cluster roles of bindings',
  ({ raw }) => (raw.roleRef.kind === 'ClusterRole' ? [raw.roleRef.name] : []),
  { clusterWide: true },
);

/** RuleHolder is what roles of a namespace and of the cluster have in common. */
abstract class RuleHolder<T extends Json<V1Role> | Json<V1ClusterRole>> extends Resource<T> {
  get rules(): readonly RuleJson[] {
    return this.raw.rules ?? [];
  }
  /** matrix has a row for every resource, with a mark for every verb. */
  get matrix(): readonly RuleRow[] {
    return ruleMatrix(this.rules);
  }
  /** allows tells whether these rules allow it; other roles may too. */
  allows(verb: string, resource: string, group = ''): boolean {
    return allows(this.rules, verb, resource, group);
  }
}

/** Role wraps a role of a namespace. */
export class Role extends RuleHolder<Json<V1Role>> {
  roleBindings(): KindMap['roleBindings'] {
    return this.related(bindingsOfRole);
  }
}

/** ClusterRole wraps a role for the whole cluster, or for a namespace through a role binding. */
export class ClusterRole extends RuleHolder<Json<V1ClusterRole>> {
  clusterRoleBindings(): KindMap['clusterRoleBindings'] {
    return this.related(bindingsOfClusterRole);
  }
}

/** RoleBinding wraps what gives a role to somebody in one namespace. */
export class RoleBinding extends Resource<Json<V1RoleBinding>> {
  get subjects(): readonly Subject[] {
    return this.raw.subjects ?? [];
  }
  binds(who: Subject): boolean {
    return bindsSubject(this.raw, who);
  }
  roles(): KindMap['roles'] {
    return this.related(rolesOf);
  }
  clusterRoles(): KindMap['clusterRoles'] {
    return this.related(clusterRolesOf);
  }
}

/** ClusterRoleBinding wraps what gives a role to somebody everywhere. */
export class ClusterRoleBinding extends Resource<Json<V1ClusterRoleBinding>> {
  get subjects(): readonly Subject[] {
    return this.raw.subjects ?? [];
  }
  binds(who: Subject): boolean {
    return bindsSubject(this.raw, who);
  }
  clusterRoles(): KindMap['clusterRoles'] {
    return this.related(clusterRolesOf);
  }
}

/** RoleQuery and its like narrow the kinds of RBAC. */
export class RoleQuery extends NamespacedQuery<Role, 'roleBindings'> {}
export class ClusterRoleQuery extends Query<ClusterRole, 'clusterRoleBindings'> {}
export class RoleBindingQuery extends NamespacedQuery<RoleBinding, 'roles' | 'clusterRoles'> {}
export class ClusterRoleBindingQuery extends Query<ClusterRoleBinding, 'clusterRoles'> {}

const apiVersion = 'rbac.authorization.k8s.io/v1';

export const roles: KindSpec<Role, RoleQuery> = {
  facts: { apiVersion, kind: 'Role', resource: 'roles', namespaced: true, serverFields: {} },
  wrap: Role,
  query: RoleQuery,
  relations: { roleBindings: bindingsOfRole },
};
export const clusterRoles: KindSpec<ClusterRole, ClusterRoleQuery> = {
  facts: { apiVersion, kind: 'ClusterRole', resource: 'clusterroles', namespaced: false, serverFields: {} },
  wrap: ClusterRole,
  query: ClusterRoleQuery,
  relations: { clusterRoleBindings: bindingsOfClusterRole },
};
export const roleBindings: KindSpec<RoleBinding, RoleBindingQuery> = {
  facts: { apiVersion, kind: 'RoleBinding', resource: 'rolebindings', namespaced: true, serverFields: {} },
  wrap: RoleBinding,
  query: RoleBindingQuery,
  relations: { roles: rolesOf, clusterRoles: clusterRolesOf },
};
export const clusterRoleBindings: KindSpec<ClusterRoleBinding, ClusterRoleBindingQuery> = {
  facts: {
    apiVersion,
    kind: 'ClusterRoleBinding',
    resource: 'clusterrolebindings',
    namespaced: false,
    serverFields: {},
  },
  wrap: ClusterRoleBinding,
  query: ClusterRoleBindingQuery,
  relations: { clusterRoles: clusterRolesOf },
};

declare module './kind-map.js' {
  interface KindMap {
    roles: RoleQuery;
    clusterRoles: ClusterRoleQuery;
    roleBindings: RoleBindingQuery;
    clusterRoleBindings: ClusterRoleBindingQuery;
  }
}
