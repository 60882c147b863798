import type { Db } from '@nm/adapters/db';

export interface ChooseOptions {
  readonly db: Db;
  /** So many runs of one tenant are worked on at the same time, by all workers together. */
  readonly tenantRunsMax: number;
}

/**
 * chooseRun tells which run a free worker should take. A run that has lost its worker comes before all others, whatever was asked for: behind a
 * long queue its turn would come late, and it is in the middle of its work. Otherwise the slot goes to the tenant that has the fewest in proportion to its weight, and there to the run that comes first (priority, then age) among those that
 * nothing stands in the way of. So what a worker was asked for only says that there is work: one tenant's long queue delays nobody else's
 * next run. It looks without locks: the claim that follows is what decides.
 * @returns undefined when there is nothing that this worker may take
 */
export function chooseRun({ db, tenantRunsMax }: ChooseOptions, askedFor: string): Promise<string | undefined> {
  return db.asSystem(async (tx) => {
    const [begun] = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM run WHERE status = 'running' AND lease_until <= clock_timestamp() ORDER BY (id <> ${askedFor}), lease_until LIMIT 1`;
    if (begun) return begun.id;
    const [chosen] = await tx.$queryRaw<{ id: string }[]>`
      WITH RECURSIVE tenant AS (
          (SELECT org_id FROM run WHERE status = 'queued' ORDER BY org_id LIMIT 1)
        UNION ALL
          SELECT (SELECT r.org_id FROM run r WHERE r.status = 'queued' AND r.org_id > tenant.org_id ORDER BY r.org_id LIMIT 1)
            FROM tenant WHERE tenant.org_id IS NOT NULL),
      share AS (SELECT org_id, count(*) AS slots FROM run WHERE status = 'running' GROUP BY org_id)
      SELECT next.id
        FROM tenant
        JOIN org ON org.id = tenant.org_id
        LEFT JOIN share ON share.org_id = tenant.org_id
       CROSS JOIN LATERAL (
          SELECT r.id, r.created_at FROM run r
           WHERE r.org_id = tenant.org_id AND r.status = 'queued'
             AND (NOT r.changing OR NOT EXISTS (
                   SELECT 1 FROM run o WHERE o.install_id = r.install_id AND o.changing
                      AND (o.status = 'running' OR (o.status = 'waiting' AND o.started_at IS NOT NULL))
                      AND NOT (o.id = ANY(r.lineage) AND o.status = 'waiting' AND o.waits_run = ANY(r.lineage || r.id))))
             AND r.install_id NOT IN (SELECT i.id FROM install i JOIN cluster c ON c.id = i.cluster_id WHERE c.paused_at IS NOT NULL)
           ORDER BY (r.started_at IS NULL AND cardinality(r.lineage) = 0), r.priority DESC, r.created_at, r.id LIMIT 1) next
       WHERE coalesce(share.slots, 0) < ${tenantRunsMax}
       ORDER BY coalesce(share.slots, 0)::float8 / org.run_weight, next.created_at LIMIT 1`;
    return chosen?.id;
  });
}
