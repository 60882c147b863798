import { recordChange } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import type { Cluster, ReplaceCredential } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { clusterView, findCluster } from './cluster-row.js';
import type { ClusterSessions } from './cluster-sessions.js';
import type { ClusterDeps } from './deps.js';
import { readAccess } from './intake/read-access.js';
import { accessColumns } from './register-cluster.js';

/**
 * replaceCredential puts a new credential, and a new address if one is given, in the place of the old one; installs and their history stay. What is
 * connected with the old one is cut everywhere.
 * @throws Fault not_found, conflict for a cluster behind an agent, and what `registerCluster` throws
 */
export async function replaceCredential(
  deps: ClusterDeps & { readonly sessions: ClusterSessions },
  principal: LicenseePrincipal,
  id: string,
  body: ReplaceCredential,
): Promise<Cluster> {
  const { orgId } = principal;
  const row = await deps.db.withOrg(orgId, (tx) => findCluster(tx, principal, id));
  if (row.connection === 'agent')
    throw new Fault('conflict', { public: 'The agent of this cluster brings the credential itself.' });
  const { server, caData, tlsServerName, insecure } = row;
  const known = { server, ca: caData ?? undefined, tlsServerName: tlsServerName ?? undefined, insecure };
  const columns = await accessColumns(deps, { id, orgId }, readAccess(body, known));
  const replaced = await deps.db.withOrg(orgId, async (tx) => {
    await findCluster(tx, principal, id);
    const next = await tx.cluster.update({
      where: { id },
      data: { ...columns, health: 'unknown', healthMessage: null, checkAt: deps.clock.now() },
    });
    await recordChange(tx, { kind: 'cluster', id, orgId });
    return next;
  });
  deps.sessions.invalidate('cluster', id);
  return clusterView(replaced);
}
