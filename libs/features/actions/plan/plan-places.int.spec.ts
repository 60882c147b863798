import { LocalKeys, openVault, rewrap, rootPlace } from '@nm/adapters/vault';
import { CreateSchedule, RunPlan } from '@nm/kernel/contracts';
import { randomKeyBytes } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seedInstall } from '../../../testing/seed-install.js';
import { createTestDatabase, type TestDatabase } from '../../../testing/test-database.js';
import { queueRun } from '../queue-run.js';
import { createSchedule } from '../schedule/schedules.js';
import { planPlaces } from './plan-places.js';
import { openedPlan } from './sealed-plan.js';

const [oldKey, newKey] = [randomKeyBytes(32), randomKeyBytes(32)];
const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { password: 'S-hidden' } };
const plan = { steps: [{ kind: 'apply', title: 'Write it', manifests: [secret] }] };
const open = { steps: [{ kind: 'wait', title: 'Wait', seconds: 1 }] };

let database: TestDatabase;
const vaultOf = (...keys: Buffer[]) => openVault({ db: database.db, keys: new LocalKeys(keys) });
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

it('plans of runs and schedules go under the new master key, and need no other afterwards', async () => {
  const { db } = database;
  const vault = await vaultOf(oldKey);
  const principal = await seedInstall(db);
  const { orgId, installId, licenceId } = principal;
  const naming = { orgId, installId, licenceId, kind: 'action', action: 'a', title: 'A', timeoutSeconds: 60 } as const;
  const queue = (work: object) =>
    db.withOrg(orgId, (tx) => queueRun(tx, { ...naming, plan: RunPlan.parse(work) }, { vault, clock }));
  const run = await queue(plan);
  const unsealed = await queue(open);
  const schedule = await createSchedule(
    { db, vault, clock },
    principal,
    CreateSchedule.parse({ title: 'Nightly', action: 'a', cron: '0 3 * * *', plan }),
  );

  const { rewrapped, broken } = await rewrap({ vault: await vaultOf(newKey, oldKey), places: planPlaces(db) });
  expect([rewrapped, broken]).toEqual([2, []]);

  const rows = await db.asSystem(async (tx) => ({
    run: await tx.run.findUniqueOrThrow({ where: { id: run.id } }),
    run_schedule: await tx.runSchedule.findUniqueOrThrow({ where: { id: schedule.id } }),
    unsealed: await tx.run.findUniqueOrThrow({ where: { id: unsealed.id } }),
  }));
  expect(rows.unsealed.sealedPlan).toBeNull();
  await rewrap({ vault: await vaultOf(newKey, oldKey), places: [rootPlace(db)] });
  const only = await vaultOf(newKey);
  for (const table of ['run', 'run_schedule'] as const)
    expect(JSON.stringify(await openedPlan(only, rows[table], [table, orgId, rows[table].id]))).toContain('S-hidden');
});
