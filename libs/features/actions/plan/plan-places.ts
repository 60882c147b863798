import type { Db } from '@nm/adapters/db';
import { type SealedPlace, sealedColumn } from '@nm/adapters/vault';
import { planAad } from './sealed-plan.js';

/** planPlaces let the sweep of a new master key find the sealed plans of runs and schedules. */
export const planPlaces = (db: Db): SealedPlace[] =>
  (['run', 'run_schedule'] as const).map((table) =>
    sealedColumn(db, { table, column: 'sealed_plan', aad: ({ orgId, id }) => planAad([table, orgId, id]) }),
  );
