import type { Db, Tx } from '@nm/adapters/db';
import { announceRun, type JournalRun } from './run-journal.js';

/** resumeRun gives a waiting run back to the workers, in the caller's transaction: the step that waits looks again. */
export async function resumeRun(tx: Tx, run: JournalRun): Promise<void> {
  const { count } = await tx.run.updateMany({
    where: { id: run.id, status: 'waiting' },
    data: { status: 'queued', waitsFor: null, waitsUntil: null, waitsReason: null, waitsSince: null, waitsRun: null },
  });
  if (count) await announceRun(tx, run);
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
