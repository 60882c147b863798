import type { AccessQuestion } from '@nm/adapters/k8kat';
import type { RbacPolicy, RbacRule } from '@nm/kernel/contracts';

/** One question to the cluster, and why we ask it. */
export interface NeededPermission extends AccessQuestion {
  readonly purpose: string;
}

const rbac = 'rbac.authorization.k8s.io';
const applyVerbs = ['create', 'patch'];

/**
 * neededToProvision lists what the registered credential must be allowed to prepare and later remove an install: the namespace, the
 * ServiceAccount and its tokens, and the Roles of the version. Server-side apply needs `patch`, and `create` for what is new.
 */
export function neededToProvision(policy: RbacPolicy, namespace: string, isNewNamespace: boolean): NeededPermission[] {
  const inNamespace = (
    group: string,
    resource: string,
    verbs: readonly string[],
    purpose: string,
  ): NeededPermission[] => verbs.map((verb) => ({ verb, group, resource, namespace, purpose }));
  const clusterWide = (resource: string, verbs: readonly string[], purpose: string): NeededPermission[] =>
    verbs.map((verb) => ({ verb, group: rbac, resource, purpose }));
  return [
    ...(isNewNamespace ? [{ verb: 'create', group: '', resource: 'namespaces', purpose: 'create the namespace' }] : []),
    ...['get', 'patch'].map((verb) => ({
      verb,
      group: '',
      resource: 'namespaces',
      namespace,
      name: namespace,
      purpose: 'label the namespace',
    })),
    ...inNamespace('', 'serviceaccounts', [...applyVerbs, 'get', 'delete'], 'the ServiceAccount of the install'),
    ...inNamespace('', 'serviceaccounts/token', ['create'], 'short-lived tokens of the ServiceAccount'),
    ...(policy.roles.length > 0
      ? ['roles', 'rolebindings'].flatMap((resource) =>
          inNamespace(rbac, resource, [...applyVerbs, 'get', 'delete'], 'the Roles of the app'),
        )
      : []),
    ...(policy.clusterRoles.length > 0
      ? ['clusterroles', 'clusterrolebindings'].flatMap((resource) =>
          clusterWide(resource, [...applyVerbs, 'get', 'delete'], 'the ClusterRoles of the app'),
        )
      : []),
  ];
}

/** One set of rules that has to be granted, with the right that makes holding them unnecessary. */
export interface Grant {
  readonly role: string;
  readonly rules: readonly RbacRule[];
  /** Undefined for a ClusterRole. */
  readonly namespace: string | undefined;
}

/** grantsOf lists the Roles that provisioning creates. */
export const grantsOf = (policy: RbacPolicy, namespace: string): Grant[] => [
  ...policy.roles.map(({ name, rules }) => ({ role: name, rules, namespace })),
  ...policy.clusterRoles.map(({ name, rules }) => ({ role: name, rules, namespace: undefined })),
];

/**
 * neededToGrant lists every permission in a Role. Kubernetes lets nobody grant what they do not hold themselves (privilege escalation
 * prevention), so each is asked for, unless the credential may `escalate` and `bind`.
 */
export function neededToGrant({ role, rules, namespace }: Grant): NeededPermission[] {
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  return rules.flatMap((rule) =>
    rule.apiGroups.flatMap((group) =>
      rule.resources.flatMap((resource) =>
        rule.verbs.flatMap((verb) =>
          (rule.resourceNames ?? [undefined]).map((name) => ({
            verb,
            group,
            resource,
            namespace,
            name,
            purpose: `granted to the app by its ${kind} ${role}`,
          })),
        ),
      ),
    ),
  );
}

/** mayGrantAnything asks for the two rights that switch the rule off for one scope. */
export const mayGrantAnything = (namespace: string | undefined): AccessQuestion[] => {
  const resources = namespace === undefined ? 'clusterroles' : 'roles';
  return ['escalate', 'bind'].map((verb) => ({ verb, group: rbac, resource: resources, namespace }));
};
