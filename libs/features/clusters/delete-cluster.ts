import { type Db, recordChange } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import { Fault } from '@nm/kernel/fault';
import { findCluster } from './cluster-row.js';
import type { ClusterSessions } from './cluster-sessions.js';

/**
 * deleteCluster forgets a cluster and its credential. Removed installs go with it; live ones must be removed first, or they would stay on
 * the cluster with nobody left who may clean up.
 * @throws Fault not_found, conflict
 */
export async function deleteCluster(
  { db, sessions }: { readonly db: Db; readonly sessions: ClusterSessions },
  principal: LicenseePrincipal,
  id: string,
): Promise<void> {
  await db.withOrg(principal.orgId, async (tx) => {
    await findCluster(tx, principal, id);
    // An install that is being created holds a key share lock on this row until it is committed; then the count sees it.
    await tx.$queryRaw`SELECT id FROM cluster WHERE id = ${id} FOR UPDATE`;
    const installs = await tx.install.count({ where: { clusterId: id, state: { not: 'removed' } } });
    if (installs > 0)
      throw new Fault('conflict', {
        public: 'There are installs on this cluster. Remove them first.',
        extra: { installs },
      });
    await tx.install.deleteMany({ where: { clusterId: id } });
    await tx.cluster.delete({ where: { id } });
    await recordChange(tx, { kind: 'cluster', id, orgId: principal.orgId });
  });
  // Other processes do the same when they hear of the change.
  sessions.invalidate('cluster', id);
}
