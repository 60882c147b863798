import type { Db } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import type { ClusterCheckRecord, Page, PageQuery } from '@nm/kernel/contracts';
import { findCluster } from './cluster-row.js';

/** listChecks gives what was seen of a cluster, the newest first. @throws Fault not_found */
export function listChecks(
  { db }: { readonly db: Db },
  principal: LicenseePrincipal,
  id: string,
  { limit, cursor }: PageQuery,
): Promise<Page<ClusterCheckRecord>> {
  return db.withOrg(principal.orgId, async (tx) => {
    await findCluster(tx, principal, id);
    const rows = await tx.clusterCheck.findMany({
      where: { clusterId: id, ...(cursor ? { id: { lt: cursor } } : {}) },
      orderBy: { id: 'desc' },
      take: limit + 1,
    });
    const data = rows.slice(0, limit).map((row) => ({
      ...{ id: row.id, at: row.at.toISOString(), message: row.message },
      health: row.health as ClusterCheckRecord['health'],
      ...(row.version === null ? {} : { version: row.version }),
      ...(row.latencyMs === null ? {} : { latencyMs: row.latencyMs }),
      ...(row.missing === null ? {} : { missing: row.missing }),
      ...(row.credentialExpiresAt ? { credentialExpiresAt: row.credentialExpiresAt.toISOString() } : {}),
    }));
    const last = data.at(-1);
    return { data, ...(rows.length > limit && last ? { nextCursor: last.id } : {}) };
  });
}
