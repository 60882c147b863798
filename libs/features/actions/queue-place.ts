import type { Tx } from '@nm/adapters/db';
import type { Run, RunStatus } from '@nm/kernel/contracts';
import type { RunRow } from './run-view.js';

/** More than these are not named. */
const aheadMax = 20;

/** queuePlace tells what a queued run waits for: the runs of its install that come first, the one at work before those that wait, and whether the cluster's owner lets none begin. */
export async function queuePlace(tx: Tx, run: RunRow): Promise<Run['queue']> {
  if (run.status !== 'queued') return undefined;
  const ahead = run.changing
    ? await tx.$queryRaw<{ run: string; title: string; status: RunStatus }[]>`
        SELECT o.id AS run, o.title, o.status FROM run o JOIN run r ON r.install_id = o.install_id
         WHERE r.id = ${run.id} AND o.id <> r.id AND o.changing
           AND (((o.status = 'running' OR (o.status = 'waiting' AND o.started_at IS NOT NULL)) AND NOT o.id = ANY(r.lineage))
                OR (o.status = 'queued' AND cardinality(r.lineage) = 0
                    AND (o.started_at IS NULL, -o.priority, o.created_at, o.id) < (r.started_at IS NULL, -r.priority, r.created_at, r.id)))
         ORDER BY (o.status = 'queued'), (o.started_at IS NULL), o.priority DESC, o.created_at, o.id LIMIT ${aheadMax}`
    : [];
  const paused = await tx.install.count({ where: { id: run.installId, cluster: { pausedAt: { not: null } } } });
  return { ahead, clusterPaused: paused > 0 };
}
