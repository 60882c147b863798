import type { RbacPolicy, RbacRule } from '@nm/kernel/contracts';
import { grantsOf, type NeededPermission, neededToGrant, neededToProvision } from './needed.js';

/** Secrets that tokens are bound to in turn: with its Secret, a token dies. */
export const tokenSecrets = ['nmachine-token-a', 'nmachine-token-b'] as const;

/** identityObjects are a ServiceAccount and Roles that grant exactly what the check asks for, in one namespace as far as the policy lets it. Pure. */
export function identityObjects(serviceAccount: string, namespace: string, policy: RbacPolicy): object[] {
  const needed = [
    ...neededToProvision(policy, namespace, false),
    ...grantsOf(policy, namespace).flatMap(neededToGrant),
  ];
  const inNamespace = needed.filter((permission) => permission.namespace !== undefined);
  const clusterWide = needed.filter((permission) => permission.namespace === undefined);
  const subjects = [{ kind: 'ServiceAccount', name: serviceAccount, namespace }];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace } },
    ...roleWithBinding(
      'Role',
      { name: serviceAccount, namespace },
      [...rulesFor(inNamespace), ...ownTokenRules],
      subjects,
    ),
    ...(clusterWide.length > 0
      ? roleWithBinding('ClusterRole', { name: `${serviceAccount}-${namespace}` }, rulesFor(clusterWide), subjects)
      : []),
  ];
}

/** What NMachine needs to replace its own token before it ends, and to end the old one at once. */
const ownTokenRules: readonly RbacRule[] = [
  { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['delete'], resourceNames: [...tokenSecrets] },
];

/** rulesFor gathers the verbs of each resource into one rule. */
function rulesFor(needed: readonly NeededPermission[]): RbacRule[] {
  const rules = new Map<string, { rule: RbacRule; verbs: Set<string> }>();
  for (const { group, resource, name, verb } of needed) {
    const key = JSON.stringify([group, resource, name]);
    const found = rules.get(key) ?? {
      rule: { apiGroups: [group], resources: [resource], verbs: [], ...(name ? { resourceNames: [name] } : {}) },
      verbs: new Set(),
    };
    found.verbs.add(verb);
    rules.set(key, found);
  }
  return [...rules.values()].map(({ rule, verbs }) => ({ ...rule, verbs: [...verbs] }));
}

function roleWithBinding(
  kind: 'Role' | 'ClusterRole',
  metadata: { readonly name: string; readonly namespace?: string },
  rules: readonly RbacRule[],
  subjects: readonly object[],
): object[] {
  const apiGroup = 'rbac.authorization.k8s.io';
  const head = { apiVersion: `${apiGroup}/v1`, metadata };
  return [
    { ...head, kind, rules },
    { ...head, kind: `${kind}Binding`, roleRef: { apiGroup, kind, name: metadata.name }, subjects },
  ];
}
