import type { Db } from '@nm/adapters/db';
import { RbacPolicy } from '@nm/kernel/contracts';
import { isFault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { ClusterSessions } from '../cluster-sessions.js';
import { askPermissions } from '../permissions/ask-permissions.js';
import type { HealthFacts } from './record-check.js';

export interface WatchPermissionsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly sessions: ClusterSessions;
}

/** So many installs of a cluster are asked about; each may cost some hundred questions. */
const installsMax = 5;
const namedMax = 3;
const allThere = 'The cluster answers, and the credential has all permissions that the installs need.';
const lacks = 'The cluster answers, but the credential lacks permissions that the installs need: ';

/**
 * withPermissions adds to what was seen of a reachable cluster whether its credential still has what the installs on it need. The cluster is asked when
 * the last answer is older than `everyMs`; in between the last answer stands.
 */
export async function withPermissions(
  deps: WatchPermissionsDeps,
  clusterId: string,
  facts: HealthFacts,
  everyMs: number,
): Promise<HealthFacts> {
  if (facts.health !== 'reachable') return facts;
  const { last, needs } = await read(deps, clusterId);
  if (needs.length === 0) return facts;
  if (last && last.at.getTime() > deps.clock.nowMs() - everyMs) return { ...facts, message: last.message };
  try {
    const missing = await missingOf(deps, clusterId, needs);
    return { ...facts, missing: missing.length, message: missing.length === 0 ? allThere : lacks + named(missing) };
  } catch (error) {
    // It has just answered; the next check will tell more.
    if (isFault(error)) return facts;
    throw error;
  }
}

interface Need {
  readonly namespace: string;
  readonly policy: RbacPolicy;
}

const read = ({ db }: WatchPermissionsDeps, clusterId: string) =>
  db.asSystem(async (tx) => {
    const installs = await tx.install.findMany({
      where: { clusterId, state: 'ready' },
      select: { namespace: true, versionId: true },
      orderBy: { id: 'asc' },
      take: installsMax,
    });
    if (installs.length === 0) return { last: null, needs: [] };
    const versions = await tx.appVersion.findMany({
      where: { id: { in: installs.map(({ versionId }) => versionId) } },
      select: { id: true, spec: true },
    });
    const policies = new Map(
      versions.map(({ id, spec }) => [id, RbacPolicy.parse((spec as { rbac?: unknown })?.rbac ?? {})]),
    );
    const needs = installs.flatMap(({ namespace, versionId }): Need[] => {
      const policy = policies.get(versionId);
      return policy ? [{ namespace, policy }] : [];
    });
    const last = await tx.clusterCheck.findFirst({
      where: { clusterId, missing: { not: null }, OR: [{ message: allThere }, { message: { startsWith: lacks } }] },
      orderBy: { id: 'desc' },
    });
    return { last, needs };
  });

async function missingOf(
  { sessions }: WatchPermissionsDeps,
  clusterId: string,
  needs: readonly Need[],
): Promise<string[]> {
  const session = await sessions.forCluster(clusterId);
  const missing = new Set<string>();
  for (const { namespace, policy } of needs) {
    for (const one of await askPermissions(session, policy, namespace)) {
      if (one.allowed) continue;
      const kind = one.apiGroup ? `${one.resource}.${one.apiGroup}` : one.resource;
      missing.add(`${one.verb} ${kind}${one.namespace ? ` in ${one.namespace}` : ''}`);
    }
  }
  return [...missing];
}

const named = (missing: readonly string[]): string => {
  const rest = missing.length - namedMax;
  return `${missing.slice(0, namedMax).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}.`;
};
