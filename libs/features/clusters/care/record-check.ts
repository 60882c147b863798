import type { Tx } from '@nm/adapters/db';
import type { ClusterHealth } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';

/** What one look at a cluster has shown. */
export interface HealthFacts {
  readonly health: ClusterHealth;
  readonly message: string;
  readonly version?: string | undefined;
  readonly latencyMs?: number | undefined;
  /** Undefined: permissions were not asked for. */
  readonly missing?: number | undefined;
}

/** recordCheck writes what was seen to the cluster and to its history. It announces nothing: nobody's memory holds health. */
export async function recordCheck(tx: Tx, clock: Clock, id: string, facts: HealthFacts): Promise<void> {
  const { health, message, version, latencyMs, missing } = facts;
  const rows = await tx.cluster.updateManyAndReturn({
    where: { id },
    data: { health, healthMessage: message, checkedAt: clock.now(), ...(version ? { version } : {}) },
    select: { orgId: true, credentialExpiresAt: true },
  });
  const [row] = rows;
  // Deleted while we looked.
  if (!row) return;
  await tx.clusterCheck.create({
    data: {
      ...{ id: newId('clusterCheck', clock.nowMs()), clusterId: id, at: clock.now(), health, message, ...row },
      ...{ version: version ?? null, latencyMs: latencyMs ?? null, missing: missing ?? null },
    },
  });
}
