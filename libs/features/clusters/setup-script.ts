import type { Db } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import {
  type CreateSetupScript,
  defaultChannel,
  RbacPolicy,
  type RbacRule,
  type SetupScript,
} from '@nm/kernel/contracts';
import { grantsOf, type NeededPermission, neededToGrant, neededToProvision } from './permissions/needed.js';

const serviceAccount = 'nmachine';
/** Secrets that tokens are bound to in turn: with its Secret, a token dies. */
export const tokenSecrets = ['nmachine-token-a', 'nmachine-token-b'] as const;
const tokenHours = 168;

/** setupScript writes the script for the version that the licence's app has on its stable channel. */
export async function setupScript(
  { db }: { readonly db: Db },
  principal: LicenseePrincipal,
  { namespace }: CreateSetupScript,
): Promise<SetupScript> {
  const channel = await db.withOrg(principal.orgId, (tx) =>
    tx.channel.findFirst({ where: { appId: principal.appId, name: defaultChannel }, include: { version: true } }),
  );
  const policy = RbacPolicy.parse((channel?.version.spec as { rbac?: unknown } | undefined)?.rbac ?? {});
  return { namespace, script: scriptOf(namespace, policy) };
}

/** scriptOf grants exactly what the check asks for, in one namespace as far as the policy lets it. Pure; every value in it is checked or quoted. */
export function scriptOf(namespace: string, policy: RbacPolicy): string {
  const needed = [
    ...neededToProvision(policy, namespace, false),
    ...grantsOf(policy, namespace).flatMap(neededToGrant),
  ];
  const inNamespace = needed.filter((permission) => permission.namespace !== undefined);
  const clusterWide = needed.filter((permission) => permission.namespace === undefined);
  const subjects = [{ kind: 'ServiceAccount', name: serviceAccount, namespace }];
  const objects = [
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
  // JSON, because it puts no line of anybody's text at the start of a line, where the shell looks for the end of the manifests.
  return template(namespace, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2));
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

/** The marker's quotes keep the shell from looking into the manifests; a namespace is an RFC 1123 label, and needs none. */
const template = (namespace: string, manifests: string): string => `#!/bin/sh
# Lets NMachine prepare one app in the namespace ${namespace}, and nothing else. Run it with a kubectl that may grant this;
# it prints a kubeconfig to register. Take it back with: kubectl -n ${namespace} delete serviceaccount ${serviceAccount}
set -eu
kubectl get namespace ${namespace} >/dev/null 2>&1 || kubectl create namespace ${namespace} >&2
kubectl apply -f - >&2 <<'NMACHINE_MANIFESTS'
${manifests}
NMACHINE_MANIFESTS
server=$(kubectl config view --minify -o jsonpath='{.clusters[0].cluster.server}')
ca=$(kubectl -n ${namespace} get configmap kube-root-ca.crt -o jsonpath='{.data.ca\\.crt}' | base64 | tr -d '\\n')
token=$(kubectl -n ${namespace} create token ${serviceAccount} --duration=${tokenHours}h)
cat <<NMACHINE_KUBECONFIG
apiVersion: v1
kind: Config
clusters: [{ name: cluster, cluster: { server: "$server", certificate-authority-data: "$ca" } }]
users: [{ name: ${serviceAccount}, user: { token: "$token" } }]
contexts: [{ name: ${serviceAccount}, context: { cluster: cluster, user: ${serviceAccount} } }]
current-context: ${serviceAccount}
NMACHINE_KUBECONFIG
`;
