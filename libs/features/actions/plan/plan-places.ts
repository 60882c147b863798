import type { Db } from '@nm/adapters/db';
import type { SealedPlace, StoredSecret } from '@nm/adapters/vault';
import { planAad } from './sealed-plan.js';

interface Row {
  readonly id: string;
  readonly org_id: string;
  readonly sealed_plan: Uint8Array;
}

/** planPlaces let the sweep of a new master key find the sealed plans of runs and schedules. */
export const planPlaces = (db: Db): SealedPlace[] => [
  {
    name: 'run',
    stale: async (prefix, after, limit) =>
      (
        await db.asSystem(
          (tx) => tx.$queryRaw<Row[]>`
            SELECT id, org_id, sealed_plan FROM run
             WHERE id > ${after} AND substring(sealed_plan FROM 1 FOR ${prefix.length}::int) <> ${prefix}
             ORDER BY id LIMIT ${limit}`,
        )
      ).map((row) => secretOf('run', row)),
    replace: async ({ id, sealed }, next) => {
      const sealedPlan = new Uint8Array(sealed);
      const { count } = await db.asSystem((tx) =>
        tx.run.updateMany({ where: { id, sealedPlan }, data: { sealedPlan: next } }),
      );
      return count > 0;
    },
  },
  {
    name: 'run_schedule',
    stale: async (prefix, after, limit) =>
      (
        await db.asSystem(
          (tx) => tx.$queryRaw<Row[]>`
            SELECT id, org_id, sealed_plan FROM run_schedule
             WHERE id > ${after} AND substring(sealed_plan FROM 1 FOR ${prefix.length}::int) <> ${prefix}
             ORDER BY id LIMIT ${limit}`,
        )
      ).map((row) => secretOf('run_schedule', row)),
    replace: async ({ id, sealed }, next) => {
      const sealedPlan = new Uint8Array(sealed);
      const { count } = await db.asSystem((tx) =>
        tx.runSchedule.updateMany({ where: { id, sealedPlan }, data: { sealedPlan: next } }),
      );
      return count > 0;
    },
  },
];

const secretOf = (table: 'run' | 'run_schedule', { id, org_id, sealed_plan }: Row): StoredSecret => ({
  id,
  sealed: sealed_plan,
  aad: planAad([table, org_id, id]),
});
