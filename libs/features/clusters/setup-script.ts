import type { Db } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import { type CreateSetupScript, defaultChannel, RbacPolicy, type SetupScript } from '@nm/kernel/contracts';
import { identityObjects } from './permissions/identity-objects.js';

const serviceAccount = 'nmachine';
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
  const objects = identityObjects(serviceAccount, namespace, policy);
  // JSON, because it puts no line of anybody's text at the start of a line, where the shell looks for the end of the manifests.
  return template(namespace, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2));
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
