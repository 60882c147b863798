import { recordChange } from '@nm/adapters/db';
import type { EgressPolicy } from '@nm/adapters/egress';
import type { LicenseePrincipal } from '@nm/features/access';
import type { RegisterCluster, RegisteredCluster } from '@nm/kernel/contracts';
import { Fault, isFault } from '@nm/kernel/fault';
import { mintBearerKey, newId } from '@nm/kernel/ids';
import { clusterView } from './cluster-row.js';
import { sealCredential } from './credential.js';
import { credentialInfo, rotationDue } from './credential-info.js';
import type { ClusterDeps } from './deps.js';
import { readAccess } from './intake/read-access.js';
import type { ParsedKubeconfig } from './kubeconfig/parse-kubeconfig.js';

const clustersMax = 100;
/** Where an agent says the API server is, once it has connected. */
const agentServer = 'https://kubernetes.default.svc';

/**
 * registerCluster keeps what is safe of a kubeconfig (or of server, authority and token): the address in clear, the credential sealed, and the report of
 * what was refused. A cluster behind an agent gets a token for the agent instead, shown this once.
 * @throws Fault kubeconfig_invalid, kubeconfig_refused, egress_denied, cluster_unreachable when its name does not resolve, already_exists
 */
export async function registerCluster(
  deps: ClusterDeps,
  principal: LicenseePrincipal,
  body: RegisterCluster,
): Promise<RegisteredCluster> {
  const place = { id: newId('cluster', deps.clock.nowMs()), orgId: principal.orgId };
  const agent = body.agent ? mintBearerKey('agent') : undefined;
  const connection = agent
    ? { ...agentColumns, agentLookup: agent.lookup, agentHash: deps.vault.hashBearerKey(agent.text) }
    : await accessColumns(deps, place, readAccess(body));
  const row = await deps.db.withOrg(principal.orgId, async (tx) => {
    if ((await tx.cluster.count({ where: { customerId: principal.customerId } })) >= clustersMax)
      throw new Fault('conflict', { public: `A customer has at most ${clustersMax} clusters.` });
    const created = await tx.cluster.create({
      data: {
        ...place,
        ...connection,
        customerId: principal.customerId,
        name: body.name,
        createdAt: deps.clock.now(),
        checkAt: deps.clock.now(),
      },
    });
    await recordChange(tx, { kind: 'cluster', id: place.id, orgId: place.orgId });
    return created;
  });
  return { ...clusterView(row), ...(agent ? { agentToken: agent.text } : {}) };
}

const agentColumns = {
  connection: 'agent',
  server: agentServer,
  intake: { kept: [], refused: [], ignored: [] },
  credentialInfo: { kind: 'none' },
};

/** accessColumns checks the address and seals the credential. @throws Fault egress_denied, cluster_unreachable */
export async function accessColumns(
  { vault, policy, clock }: ClusterDeps,
  place: { readonly id: string; readonly orgId: string },
  parsed: ParsedKubeconfig,
) {
  await checkAddress(policy, parsed.server);
  const info = credentialInfo(parsed.credential);
  return {
    server: parsed.server,
    caData: parsed.ca ?? null,
    tlsServerName: parsed.tlsServerName ?? null,
    insecure: parsed.insecure,
    credential: await sealCredential(vault, place, parsed.credential),
    credentialInfo: info,
    credentialExpiresAt: info.expiresAt ? new Date(info.expiresAt) : null,
    rotateAt: rotationDue(info, clock.nowMs()),
    intake: parsed.intake,
  };
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
