import type { Db, Tx } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import type { ClusterCall, ClusterCallQuery, Page } from '@nm/kernel/contracts';
import { ownInstall } from './own-install.js';

type Row = NonNullable<Awaited<ReturnType<Tx['clusterCall']['findFirst']>>>;

/** listClusterCalls tells a licensee what was changed on its cluster through the proxy, by whom and with what result, the newest first. @throws Fault not_found */
export async function listClusterCalls(
  { db }: { readonly db: Db },
  principal: LicenseePrincipal,
  installId: string,
  query: ClusterCallQuery,
): Promise<Page<ClusterCall>> {
  const rows = await db.withOrg(principal.orgId, async (tx) => {
    await ownInstall(tx, principal, installId);
    return tx.clusterCall.findMany({
      where: { installId, ...conditionOf(query) },
      orderBy: { id: 'desc' },
      take: query.limit + 1,
    });
  });
  const kept = rows.slice(0, query.limit);
  const last = kept.at(-1);
  return { data: kept.map(view), ...(rows.length > query.limit && last ? { nextCursor: last.id } : {}) };
}

function conditionOf({ cursor, verb, resource, name, actor, result, since, until }: ClusterCallQuery) {
  return {
    ...(cursor === undefined ? {} : { id: { lt: cursor } }),
    ...(verb === undefined ? {} : { verb }),
    ...(resource === undefined ? {} : { resource }),
    ...(name === undefined ? {} : { name }),
    ...(actor === undefined ? {} : { actorId: actor }),
    ...(result === undefined ? {} : { OR: resultOf(result) }),
    ...(since === undefined && until === undefined
      ? {}
      : { at: { ...(since ? { gte: new Date(since) } : {}), ...(until ? { lt: new Date(until) } : {}) } }),
  };
}

/** What has no answer yet, or was cut by us, has not succeeded. */
const resultOf = (result: 'succeeded' | 'failed') =>
  result === 'succeeded'
    ? [{ status: { lt: 400 }, code: null }]
    : [{ status: { gte: 400 } }, { code: { not: null } }, { status: null, kind: 'call' }];

const view = (row: Row): ClusterCall => ({
  id: row.id,
  kind: row.kind as ClusterCall['kind'],
  count: row.count,
  at: row.at.toISOString(),
  ...(row.endedAt ? { endedAt: row.endedAt.toISOString() } : {}),
  verb: row.verb,
  apiGroup: row.apiGroup,
  apiVersion: row.apiVersion,
  resource: row.resource,
  ...(row.subresource === null ? {} : { subresource: row.subresource }),
  ...(row.namespace === null ? {} : { namespace: row.namespace }),
  ...(row.name === null ? {} : { name: row.name }),
  actor: { kind: row.actorKind as ClusterCall['actor']['kind'], id: row.actorId, name: row.actorName },
  ...(row.status === null ? {} : { status: row.status }),
  ...(row.code === null ? {} : { code: row.code }),
  ...(row.requestId === null ? {} : { requestId: row.requestId }),
});
