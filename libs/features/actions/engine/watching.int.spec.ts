import type { Fault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cancelRun } from '../cancel-run.js';
import type { KamaDoor } from '../steps/step-context.js';
import { SeededRuns } from '../test/seeded-runs.js';

const follow = { kind: 'follow-job', title: 'Follow', job: 'job-1' };
const wait = { kind: 'wait', title: 'Wait', seconds: 3600 };

describe('a run that watches what its KAMA does', () => {
  let runs: SeededRuns;
  let status = 'running';
  let asked = 0;
  beforeAll(async () => {
    runs = await SeededRuns.open(2);
  });
  afterEach(async () => {
    status = 'running';
    asked = 0;
    await runs.owner.query('DELETE FROM run');
  });
  afterAll(() => runs.close());

  const kamaOf = (): KamaDoor => ({
    ask: async () => {
      asked++;
      return { status: 200, body: { data: { status, progress: { title: 'Upgrade', status } } } };
    },
  });
  /** The seconds for which a worker looks itself pass at once. */
  const clock = { ...systemClock, sleep: async () => undefined };
  /** The run waits again, and the slot is free for the next, which there is not. */
  const look = async (id: string, own: object = {}) => {
    expect(await runs.work(id, { kamaOf, clock, ...own })).toEqual({ runId: id, outcome: 'nothing' });
    expect((await runs.read(id)).status).toBe('waiting');
  };
  /** Each look is due at once: nobody waits in these tests. */
  const due = (id: string) => runs.owner.query('UPDATE run SET waits_until = now() WHERE id = $1', [id]);
  const longSince = (id: string, seconds: number) =>
    runs.owner.query(
      `UPDATE run_step SET output = output || jsonb_build_object('since', to_char(now() AT TIME ZONE 'UTC' - $2 * interval '1 s', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
        WHERE run_id = $1`,
      [id, seconds],
    );
  const waiting = async (more: object = {}) => {
    const id = await runs.queue(0, [follow], more);
    await look(id);
    return id;
  };
  const stepOf = async (id: string) => (await runs.read(id)).steps[0];

  it('gives its worker back between looks, keeps its deadline, and any worker takes the next look; the step is one attempt', async () => {
    const id = await waiting();
    const { rows } = await runs.owner.query('SELECT deadline_at, lease_until, worker FROM run WHERE id = $1', [id]);
    expect(rows[0]).toMatchObject({ lease_until: null, worker: null });
    const run = await runs.read(id);
    expect(run).toMatchObject({ status: 'waiting', waiting: { reason: 'kama', for: 'the job job-1 of the KAMA' } });
    const { startedAt } = (await stepOf(id)) ?? {};
    await runs.sweep();
    expect((await runs.read(id)).status).toBe('waiting');
    for (let looks = 0; looks < 3; looks++) {
      const before = asked;
      await due(id);
      await runs.sweep();
      await look(id, { worker: `other-${looks}` });
      expect(asked - before).toBe(1);
    }
    const after = await runs.owner.query('SELECT deadline_at FROM run WHERE id = $1', [id]);
    expect(after.rows[0].deadline_at).toEqual(rows[0].deadline_at);
    expect(await stepOf(id)).toMatchObject({ status: 'running', attempts: 1, startedAt });
    status = 'positive';
    await due(id);
    await runs.sweep();
    expect(await runs.work(id, { kamaOf })).toEqual({ runId: id, outcome: 'positive' });
    expect(await stepOf(id)).toMatchObject({ status: 'positive', attempts: 1, output: { job: 'job-1' } });
  }, 60_000);

  it('goes on where it was when the worker that looks dies', async () => {
    const id = await waiting();
    await longSince(id, 100);
    await due(id);
    await runs.sweep();
    const dead = new AbortController();
    const dying = () => ({
      ask: async () => {
        // The process is gone: what it would still write is refused by the fence that its successor raises.
        await runs.owner.query(`UPDATE run SET fence = fence + 1, lease_until = now() - interval '1 s' WHERE id = $1`, [
          id,
        ]);
        return { status: 200, body: { data: { status: 'negative' } } };
      },
    });
    expect(await runs.work(id, { kamaOf: dying }, dead.signal)).toEqual({ runId: id, outcome: 'abandon' });
    const before = asked;
    await look(id);
    expect(asked - before).toBe(1);
    const { waiting: next } = await runs.read(id);
    // A tenth of the hundred seconds that it has lasted.
    expect(Date.parse(next?.until ?? '') - Date.parse(next?.since ?? '')).toBeGreaterThan(8_000);
  }, 60_000);

  it('waits no longer than to its deadline, and ends there', async () => {
    const id = await waiting();
    await runs.owner.query(`UPDATE run SET deadline_at = now() + interval '2 s', waits_until = now() WHERE id = $1`, [
      id,
    ]);
    await runs.sweep();
    await look(id);
    const { rows } = await runs.owner.query('SELECT waits_until = deadline_at AS same FROM run WHERE id = $1', [id]);
    expect(rows).toEqual([{ same: true }]);
    await runs.owner.query('UPDATE run SET deadline_at = now(), waits_until = now() WHERE id = $1', [id]);
    await runs.sweep();
    expect((await runs.work(id, { kamaOf })).outcome).toBe('timed_out');
  }, 60_000);

  it('that is cancelled goes to a worker at once, which asks the KAMA nothing more', async () => {
    const id = await waiting();
    const before = asked;
    await cancelRun(runs.database.db, { orgId: runs.seeded.orgId }, id);
    expect(await runs.work(id, { kamaOf })).toEqual({ runId: id, outcome: 'cancelled' });
    expect(asked).toBe(before);
    expect((await runs.read(id)).error).toMatchObject({ code: 'run_cancelled' });
  }, 60_000);

  it('beside a longer wait is looked at when its own time comes', async () => {
    const steps = [{ kind: 'group', title: 'Both', mode: 'parallel', steps: [wait, follow] }];
    const id = await runs.queue(0, steps);
    await look(id);
    const { waiting: next } = await runs.read(id);
    expect(Date.parse(next?.until ?? '') - systemClock.nowMs()).toBeLessThan(60_000);
  }, 60_000);
});

describe('a run whose plan does not open', () => {
  let runs: SeededRuns;
  beforeAll(async () => {
    runs = await SeededRuns.open(1);
  });
  afterAll(() => runs.close());

  const secret = { kind: 'variables', title: 'Keep', merge: { 'db.password': 'hunter2' }, secret: true };

  it('ends negative the first time that a worker takes it, says why, and lets the next begin', async () => {
    const [broken, next] = [
      await runs.queue(0, [secret]),
      await runs.queue(0, [{ kind: 'wait', title: 'Wait', seconds: 0 }]),
    ];
    await runs.owner.query(
      `UPDATE run SET sealed_plan = set_byte(sealed_plan, length(sealed_plan) - 1, 7) WHERE id = $1`,
      [broken],
    );
    const faults: string[] = [];
    const onFault = (fault: Fault) => void faults.push(fault.code);
    expect(await runs.work(broken, { onFault })).toEqual({ runId: broken, outcome: 'negative' });
    expect(await runs.read(broken)).toMatchObject({ status: 'negative', error: { code: 'plan_unreadable' } });
    expect(faults).toEqual(['plan_unreadable']);
    const { rows } = await runs.owner.query('SELECT fence FROM run WHERE id = $1', [broken]);
    expect(rows).toEqual([{ fence: 1 }]);
    expect(await runs.work(next)).toEqual({ runId: next, outcome: 'positive' });
  });

  it('ends as it would have when its work was being undone', async () => {
    const id = await runs.queue(0, [secret]);
    const ending = { status: 'cancelled', error: { code: 'run_cancelled', reason: 'asked', fatal: true } };
    await runs.owner.query(
      `UPDATE run SET status = 'running', started_at = now(), fence = 1, lease_until = now(), ending = $2, sealed_plan = '\\x00' WHERE id = $1`,
      [id, ending],
    );
    expect(await runs.work(id)).toEqual({ runId: id, outcome: 'cancelled' });
  });
});
