import type { Db } from '@nm/adapters/db';
import type { Clock } from '@nm/kernel/time';

interface ClaimDeps {
  readonly db: Db;
  readonly clock: Clock;
}

/** A cluster whose turn it is. */
export interface DueCluster {
  readonly id: string;
  readonly org_id: string;
}

/**
 * claimChecks takes clusters whose check is due, and sets their next one: of several workers each cluster goes to one. The time between two is between
 * four fifths and six fifths of `everyMs`, so that clusters which were registered together do not stay together.
 */
export const claimChecks = ({ db, clock }: ClaimDeps, everyMs: number, limit: number): Promise<DueCluster[]> =>
  db.asSystem(
    (tx) => tx.$queryRaw<DueCluster[]>`
      UPDATE cluster SET check_at = ${clock.now()}::timestamptz + ${everyMs}::float8 * (0.8 + 0.4 * random()) * interval '1 ms'
       WHERE id IN (SELECT id FROM cluster WHERE check_at <= ${clock.now()} ORDER BY check_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING id, org_id`,
  );

/** After a rotation that failed the next try comes so much later; a good one sets its own time. Milliseconds. */
const againMs = 5 * 60_000;

/** claimRotations takes clusters whose credential is due for replacement. */
export const claimRotations = ({ db, clock }: ClaimDeps, limit: number): Promise<DueCluster[]> =>
  db.asSystem(
    (tx) => tx.$queryRaw<DueCluster[]>`
      UPDATE cluster SET rotate_at = ${new Date(clock.nowMs() + againMs)}
       WHERE id IN (SELECT id FROM cluster WHERE rotate_at <= ${clock.now()} ORDER BY rotate_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING id, org_id`,
  );
