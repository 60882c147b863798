import { recordChange } from '@nm/adapters/db';
import type { EgressPolicy } from '@nm/adapters/egress';
import type { LicenseePrincipal } from '@nm/features/access';
import type { Cluster, RegisterCluster } from '@nm/kernel/contracts';
import { Fault, isFault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { clusterView } from './cluster-row.js';
import { sealCredential } from './credential.js';
import type { ClusterDeps } from './deps.js';
import { parseKubeconfig } from './kubeconfig/parse-kubeconfig.js';

const clustersMax = 100;

/**
 * registerCluster keeps what is safe of a kubeconfig: the address in clear, the credential sealed, and the report of what was refused.
 * @throws Fault kubeconfig_invalid, kubeconfig_refused, egress_denied, cluster_unreachable when its name does not resolve, already_exists
 */
export async function registerCluster(
  deps: ClusterDeps,
  principal: LicenseePrincipal,
  body: RegisterCluster,
): Promise<Cluster> {
  const parsed = parseKubeconfig(body.kubeconfig, body);
  await checkAddress(deps.policy, parsed.server);
  const place = { id: newId('cluster', deps.clock.nowMs()), orgId: principal.orgId };
  const credential = await sealCredential(deps.vault, place, parsed.credential);
  const row = await deps.db.withOrg(principal.orgId, async (tx) => {
    if ((await tx.cluster.count({ where: { customerId: principal.customerId } })) >= clustersMax)
      throw new Fault('conflict', { public: `A customer has at most ${clustersMax} clusters.` });
    const created = await tx.cluster.create({
      data: {
        ...place,
        customerId: principal.customerId,
        name: body.name,
        server: parsed.server,
        caData: parsed.ca ?? null,
        tlsServerName: parsed.tlsServerName ?? null,
        insecure: parsed.insecure,
        credential,
        intake: parsed.intake,
        createdAt: deps.clock.now(),
      },
    });
    await recordChange(tx, { kind: 'cluster', id: place.id, orgId: place.orgId });
    return created;
  });
  return clusterView(row);
}

/** The check at registration is for the user's sake; each connection later is checked and pinned again. */
async function checkAddress(policy: EgressPolicy, server: string): Promise<void> {
  try {
    await policy.resolveAndPin(new URL(server).hostname);
  } catch (error) {
    if (isFault(error)) throw error;
    throw new Fault('cluster_unreachable', {
      public: `The name in ${server} does not resolve.`,
      cause: error,
      extra: { reason: 'ENOTFOUND' },
    });
  }
}
