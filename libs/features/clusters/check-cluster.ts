import type { KubeSession } from '@nm/adapters/k8kat';
import type { LicenseePrincipal } from '@nm/features/access';
import { type CheckCluster, type ClusterCheck, defaultChannel, RbacPolicy } from '@nm/kernel/contracts';
import { hasCode, isFault } from '@nm/kernel/fault';
import { healthOf } from './care/probe-cluster.js';
import { recordCheck } from './care/record-check.js';
import { findCluster } from './cluster-row.js';
import type { ClusterSessions } from './cluster-sessions.js';
import type { ClusterDeps } from './deps.js';
import { askPermissions } from './permissions/ask-permissions.js';

interface CheckDeps extends Pick<ClusterDeps, 'db' | 'clock'> {
  readonly sessions: ClusterSessions;
}

/**
 * checkCluster dials a cluster and says whether it answers, how fast, and whether the registered credential may provision what the
 * licence's app needs in a namespace. The health is stored; a cluster that does not answer is a result, not an error.
 * @throws Fault not_found
 */
export async function checkCluster(
  deps: CheckDeps,
  principal: LicenseePrincipal,
  id: string,
  { namespace }: CheckCluster,
): Promise<ClusterCheck> {
  const policy = await deps.db.withOrg(principal.orgId, async (tx) => {
    await findCluster(tx, principal, id);
    const channel = await tx.channel.findFirst({
      where: { appId: principal.appId, name: defaultChannel },
      include: { version: true },
    });
    return RbacPolicy.parse((channel?.version.spec as { rbac?: unknown } | undefined)?.rbac ?? {});
  });
  const check = await judge(deps, id, policy, namespace);
  await deps.db.withOrg(principal.orgId, (tx) =>
    recordCheck(tx, deps.clock, id, {
      ...check,
      missing:
        check.health === 'reachable' ? check.permissions.filter((permission) => !permission.allowed).length : undefined,
    }),
  );
  return check;
}

async function judge(deps: CheckDeps, id: string, policy: RbacPolicy, namespace: string): Promise<ClusterCheck> {
  try {
    const session = await deps.sessions.forCluster(id);
    const startedMs = deps.clock.monotonicMs();
    const version = await versionOf(session);
    const latencyMs = Math.round(deps.clock.monotonicMs() - startedMs);
    const permissions = await askPermissions(session, policy, namespace);
    const missing = permissions.filter((permission) => !permission.allowed).length;
    return {
      health: 'reachable',
      message:
        missing === 0 ? 'The cluster answers, and the credential may do all that is needed.' : missingMessage(missing),
      ...(version ? { version } : {}),
      latencyMs,
      ready: missing === 0,
      permissions,
    };
  } catch (error) {
    const health = healthOf(error);
    if (!health || !isFault(error)) throw error;
    return { health, message: error.publicMessage, ready: false, permissions: [] };
  }
}

const missingMessage = (missing: number): string =>
  `The cluster answers, but the credential lacks ${missing} permission${missing === 1 ? '' : 's'} that the app needs.`;

/** Everybody may read the version of most clusters; one that forbids it is reachable all the same. */
async function versionOf(session: KubeSession): Promise<string | undefined> {
  try {
    return await session.version();
  } catch (error) {
    if (hasCode(error, 'cluster_forbidden')) return undefined;
    throw error;
  }
}
