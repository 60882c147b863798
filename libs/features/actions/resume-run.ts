import type { Db, Tx } from '@nm/adapters/db';
import { announceRun, type JournalRun } from './run-journal.js';

/**
 * resumeRun gives a waiting run back to the workers, in the caller's transaction: the step that waits looks again. One that somebody has asked to cancel is not left to a free
 * slot; see `UrgentLane`.
 */
export async function resumeRun(tx: Tx, run: JournalRun): Promise<void> {
  const rows = await tx.$queryRaw<{ cancelled: boolean }[]>`
    UPDATE run SET status = 'queued', waits_for = NULL, waits_until = NULL, waits_reason = NULL, waits_since = NULL, waits_run = NULL
     WHERE id = ${run.id} AND status = 'waiting' RETURNING cancel_requested_at IS NOT NULL AND ending IS NULL AS cancelled`;
  for (const { cancelled } of rows) {
    await announceRun(tx, run);
    if (cancelled) await tx.$executeRaw`SELECT pg_notify('nm_run_cancel', ${run.id})`;
  }
}

/** resumeOverdue gives back the runs that have waited as long as they wanted to. */
export async function resumeOverdue(db: Db): Promise<void> {
  await db.asSystem(async (tx) => {
    const rows = await tx.$queryRaw<{ id: string; orgId: string }[]>`
      SELECT id, org_id AS "orgId" FROM run WHERE status = 'waiting' AND waits_until <= clock_timestamp()
       ORDER BY waits_until LIMIT 100 FOR UPDATE SKIP LOCKED`;
    for (const row of rows) await resumeRun(tx, row);
  });
}
