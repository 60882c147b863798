import type { Db } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import type { Cluster, Page, PageQuery } from '@nm/kernel/contracts';
import { type RotateDeps, rotateCredential } from './care/rotate-credential.js';
import { clusterView, findCluster } from './cluster-row.js';

/** listClusters gives the clusters of the licensee's customer, oldest first. */
export async function listClusters(
  { db }: { readonly db: Db },
  principal: LicenseePrincipal,
  { limit, cursor }: PageQuery,
): Promise<Page<Cluster>> {
  const rows = await db.withOrg(principal.orgId, (tx) =>
    tx.cluster.findMany({
      where: { customerId: principal.customerId, ...(cursor ? { id: { gt: cursor } } : {}) },
      orderBy: { id: 'asc' },
      take: limit + 1,
    }),
  );
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { data: rows.slice(0, limit).map(clusterView), ...(last ? { nextCursor: last.id } : {}) };
}

/** rotateNow replaces the token of a cluster at once. @throws Fault not_found, conflict */
export async function rotateNow(deps: RotateDeps, principal: LicenseePrincipal, id: string): Promise<Cluster> {
  await getCluster(deps, principal, id);
  await rotateCredential(deps, id);
  return getCluster(deps, principal, id);
}

/** getCluster gives one. @throws Fault not_found */
export const getCluster = ({ db }: { readonly db: Db }, principal: LicenseePrincipal, id: string): Promise<Cluster> =>
  db.withOrg(principal.orgId, async (tx) => clusterView(await findCluster(tx, principal, id)));
