import type { Db } from '@nm/adapters/db';
import type { Clock } from '@nm/kernel/time';

const batch = 500;

/** forgetRuns deletes, a batch at a time, the actions that ended longer ago than their organisation keeps them; gives how many. */
export const forgetRuns = ({ db, clock }: { readonly db: Db; readonly clock: Clock }): Promise<number> =>
  db.asSystem(
    (tx) => tx.$executeRaw`
      DELETE FROM run WHERE id IN (
        SELECT r.id FROM run r JOIN org o ON o.id = r.org_id
         WHERE r.kind NOT IN ('provision', 'remove') AND r.finished_at < ${clock.now()}::timestamptz - o.run_retention_days * interval '1 day'
         LIMIT ${batch} FOR UPDATE OF r SKIP LOCKED)`,
  );
