import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Worked, workThrough } from '../engine/work-once.js';
import { SeededRuns } from '../test/seeded-runs.js';

const never = new AbortController().signal;
const pause = { kind: 'wait', title: 'Nothing', seconds: 0 };

describe('what a worker leaves that dies', () => {
  let runs: SeededRuns;
  beforeAll(async () => {
    runs = await SeededRuns.open(2);
  });
  afterEach(() => runs.owner.query('DELETE FROM run; DELETE FROM outbox'));
  afterAll(() => runs.close());

  const changing = async (install: number) => {
    const id = await runs.queue(install, [pause]);
    await runs.owner.query('UPDATE run SET changing = true WHERE id = $1', [id]);
    return id;
  };
  const setAge = (seconds: number, id: string) =>
    runs.owner.query(`UPDATE run SET created_at = now() - $1 * interval '1 s' WHERE id = $2`, [seconds, id]);
  const stateOf = async (id: string) =>
    (await runs.owner.query('SELECT status, fence FROM run WHERE id = $1', [id])).rows[0];

  it('with the end of a run, which takes the next: that one is asked for as soon as its lease is over, and done once', async () => {
    const first = await changing(0);
    const next = await changing(0);
    await runs.owner.query('DELETE FROM outbox');
    const died = new Error('killed');
    let turns = 0;
    const around = (work: () => Promise<Worked>) => (turns++ === 0 ? work() : Promise.reject(died));
    await expect(workThrough(runs.engine(), first, { stop: never, takesMore: () => true, around })).rejects.toBe(died);
    expect(await stateOf(first)).toEqual({ status: 'positive', fence: 1 });
    expect(await stateOf(next)).toEqual({ status: 'running', fence: 1 });
    // The slot has taken it: nobody was asked.
    expect((await runs.owner.query('SELECT 1 FROM outbox')).rowCount).toBe(0);
    expect(await runs.sweep()).toEqual([]);
    await runs.owner.query(`UPDATE run SET lease_until = now() - interval '1 s' WHERE id = $1`, [next]);
    expect(await runs.sweep()).toEqual([next]);
    expect(await runs.work(next)).toEqual({ runId: next, outcome: 'positive' });
    expect(await stateOf(first)).toEqual({ status: 'positive', fence: 1 });
    expect(await stateOf(next)).toEqual({ status: 'positive', fence: 2 });
  });

  it('before a run that is queued: it is asked for once it is ten seconds old', async () => {
    const id = await changing(0);
    await setAge(-60, id);
    expect(await runs.sweep()).toEqual([]);
    await setAge(10, id);
    expect(await runs.sweep()).toEqual([id]);
  });

  it('in the middle of a run: it is asked for as soon as its lease is over, and what waits behind it is not', async () => {
    const [held, behind] = [await changing(0), await changing(0)];
    await setAge(61, held);
    await setAge(60, behind);
    const lease = (ago: string) =>
      runs.owner.query(
        `UPDATE run SET status = 'running', started_at = now(), fence = 1, lease_until = now() - $2::interval WHERE id = $1`,
        [held, ago],
      );
    await lease('-1 min');
    expect(await runs.sweep()).toEqual([]);
    await lease('1 s');
    expect(await runs.sweep()).toEqual([held]);
  });

  it('asks for nothing that something stands in the way of: a run at work, one that waits in the middle, an earlier one', async () => {
    const [first, second] = [await changing(1), await changing(1)];
    await setAge(61, first);
    await setAge(60, second);
    expect(await runs.sweep()).toEqual([first]);
    await runs.owner.query(
      `UPDATE run SET status = 'waiting', started_at = now(), waits_reason = 'approval', waits_for = 'x', waits_until = now() + interval '1 h' WHERE id = $1`,
      [first],
    );
    expect(await runs.sweep()).toEqual([]);
  });
});
