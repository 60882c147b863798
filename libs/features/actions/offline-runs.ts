import type { Db, Tx } from '@nm/adapters/db';
import { resumeRun } from './resume-run.js';

/** What a run says that waits for its cluster. */
export const clusterAwayText = 'the cluster to answer again';

/** lookSoon asks for a look at clusters that runs wait for. */
export async function lookSoon(tx: Tx, clusterIds: readonly string[]): Promise<void> {
  await tx.$executeRaw`UPDATE cluster SET check_at = clock_timestamp() WHERE id = ANY(${[...clusterIds]}) AND check_at > clock_timestamp()`;
}

/** Between two looks at a cluster that runs wait for. */
const lookAgainSeconds = 5;

/**
 * resumeReachable gives back the runs whose cluster has answered since they began to wait for it, and asks for another look at those that have not.
 * A cluster that refuses the credential answers too: the run says so then.
 */
export async function resumeReachable(db: Db): Promise<void> {
  await db.asSystem(async (tx) => {
    const rows = await tx.$queryRaw<
      { id: string; orgId: string; clusterId: string; answers: boolean; looked: boolean }[]
    >`
      SELECT r.id, r.org_id AS "orgId", c.id AS "clusterId", c.health <> 'unreachable' AND c.checked_at > r.waits_since AS answers,
             c.checked_at < clock_timestamp() - ${lookAgainSeconds} * interval '1 s' AS looked
        FROM run r JOIN install i ON i.id = r.install_id JOIN cluster c ON c.id = i.cluster_id
       WHERE r.status = 'waiting' AND r.waits_reason = 'cluster_offline'
       ORDER BY r.waits_since LIMIT 200 FOR UPDATE OF r SKIP LOCKED`;
    for (const row of rows) if (row.answers) await resumeRun(tx, row);
    const silent = rows.filter(({ answers, looked }) => !answers && looked).map(({ clusterId }) => clusterId);
    if (silent.length) await lookSoon(tx, [...new Set(silent)]);
  });
}
