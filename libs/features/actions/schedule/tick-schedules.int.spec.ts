import type { RunPrincipal } from '@nm/features/actions';
import { CreateSchedule } from '@nm/kernel/contracts';
import { type Clock, systemClock } from '@nm/kernel/time';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SeededVersion, seedVersion } from '../../../testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../testing/test-database.js';
import { testVault as vault } from '../../../testing/test-vault.js';
import { changeSchedule, createSchedule, readSchedule } from './schedules.js';
import { tickSchedules } from './tick-schedules.js';

const minuteMs = 60_000;

describe('schedules', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  let seeded: SeededVersion;
  let principal: RunPrincipal;
  let nowMs = Date.parse('2030-05-06T10:00:30Z');
  const clock: Clock = { ...systemClock, nowMs: () => nowMs, now: () => new Date(nowMs) };
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    seeded = await seedVersion(owner, { installs: 1 });
    const { rows } = await owner.query('SELECT licence_id FROM install WHERE id = $1', [seeded.installIds[0]]);
    const { orgId, appId } = seeded;
    principal = { kind: 'licensee', orgId, appId, licenceId: rows[0].licence_id, customerId: '' };
  });
  afterEach(async () => {
    await owner.query('DELETE FROM run_schedule; DELETE FROM run');
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  const deps = () => ({ db: database.db, clock, vault });
  const create = (more: object = {}) =>
    createSchedule(
      deps(),
      principal,
      CreateSchedule.parse({
        ...{ title: 'Hourly', action: 'tidy', cron: '0 * * * *' },
        plan: { steps: [{ kind: 'approval', title: 'Ask', message: 'Go?' }] },
        ...more,
      }),
    );
  const runs = async () => (await owner.query('SELECT id, status, schedule_id, started_by FROM run ORDER BY id')).rows;
  const endRuns = () => owner.query(`UPDATE run SET status = 'positive', finished_at = now()`);
  const last = async (id: string) => (await readSchedule(deps(), principal, id)).last;

  it('start one run at their time, however many workers look, and name it', async () => {
    const { id, nextAt } = await create();
    expect(nextAt).toBe('2030-05-06T11:00:00.000Z');
    expect(await tickSchedules(deps())).toBe(0);
    nowMs = Date.parse('2030-05-06T11:00:02Z');
    await Promise.all([tickSchedules(deps()), tickSchedules(deps()), tickSchedules(deps())]);
    const [run, ...others] = await runs();
    expect(others).toEqual([]);
    expect(run).toMatchObject({ status: 'queued', schedule_id: id, started_by: id });
    const schedule = await readSchedule(deps(), principal, id);
    expect(schedule.last).toEqual({ at: nextAt, outcome: 'started', runId: run.id });
    expect(schedule.nextAt).toBe('2030-05-06T12:00:00.000Z');
  });

  it('start none beside one that is not over', async () => {
    const { id } = await create();
    nowMs += 60 * minuteMs;
    await tickSchedules(deps());
    nowMs += 60 * minuteMs;
    await tickSchedules(deps());
    expect(await runs()).toHaveLength(1);
    expect((await last(id))?.outcome).toBe('overlap');
    await endRuns();
    nowMs += 60 * minuteMs;
    await tickSchedules(deps());
    expect(await runs()).toHaveLength(2);
  });

  it('skip what was missed, or make up for it once, as they say', async () => {
    const skipping = await create({ missed: 'skip' });
    const making = await create({ missed: 'run-once' });
    nowMs += 5 * 60 * minuteMs + 10 * minuteMs;
    while ((await tickSchedules(deps())) > 0);
    expect(await runs()).toMatchObject([{ schedule_id: making.id }]);
    expect((await last(skipping.id))?.outcome).toBe('missed');
    for (const { id } of [skipping, making])
      expect(Date.parse((await readSchedule(deps(), principal, id)).nextAt ?? '')).toBeGreaterThan(nowMs);
  });

  it('start nothing while paused, and do not make up for it', async () => {
    const { id } = await create({ missed: 'run-once' });
    expect((await changeSchedule(deps(), principal, id, { paused: true })).nextAt).toBeUndefined();
    nowMs += 3 * 60 * minuteMs;
    expect(await tickSchedules(deps())).toBe(0);
    await changeSchedule(deps(), principal, id, { paused: false });
    expect(await tickSchedules(deps())).toBe(0);
    expect(await runs()).toEqual([]);
  });

  it('start nothing for a licence that was revoked or an install that is not ready', async () => {
    const { id } = await create({ missed: 'run-once' });
    const { licenceId } = principal;
    await owner.query(`UPDATE licence SET state = 'revoked' WHERE id = $1`, [licenceId]);
    nowMs += 60 * minuteMs;
    await tickSchedules(deps());
    expect((await last(id))?.outcome).toBe('licence');
    await owner.query(`UPDATE licence SET state = 'active' WHERE id = $1`, [licenceId]);
    await owner.query(`UPDATE install SET state = 'failed'`);
    nowMs += 60 * minuteMs;
    await tickSchedules(deps());
    expect((await last(id))?.outcome).toBe('install');
    await owner.query(`UPDATE install SET state = 'ready'`);
    expect(await runs()).toEqual([]);
  });

  it('whose plan does not open any more start nothing and hold up no other', async () => {
    const steps = [{ kind: 'variables', title: 'Keep', merge: { 'db.password': 'hunter2' }, secret: true }];
    const broken = await create({ plan: { steps }, missed: 'run-once' });
    const whole = await create({ missed: 'run-once' });
    await owner.query(
      `UPDATE run_schedule SET sealed_plan = set_byte(sealed_plan, length(sealed_plan) - 1, 7) WHERE id = $1`,
      [broken.id],
    );
    nowMs += 60 * minuteMs;
    await tickSchedules(deps());
    expect((await last(broken.id))?.outcome).toBe('invalid');
    expect(await runs()).toMatchObject([{ schedule_id: whole.id }]);
  });
});
