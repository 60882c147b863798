import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideApproval } from './decide-approval.js';
import { SeededRuns } from './test/seeded-runs.js';

const approval = [{ kind: 'approval', title: 'Sure?', message: 'Really?', timeoutSeconds: 60 }];
const asked = { askedAt: '2026-01-01T00:00:00.000Z' };

describe('what a person says to a step that waits', () => {
  let runs: SeededRuns;
  beforeAll(async () => {
    runs = await SeededRuns.open(1);
  });
  afterAll(() => runs.close());

  /** waiting is a run that waits at its only step, of which that is noted. */
  const waiting = async (note: object, status = 'waiting') => {
    const id = await runs.queue(0, approval);
    await runs.owner.query('UPDATE run SET status = $2 WHERE id = $1', [id, status]);
    await runs.owner.query(`UPDATE run_step SET status = 'running', output = $2 WHERE run_id = $1`, [id, note]);
    return id;
  };
  const say = (id: string, decision: 'approved' | 'declined', step = 0) =>
    decideApproval(runs.database.db, { orgId: runs.seeded.orgId }, id, { step, decision, comment: 'ok' }, 'somebody');
  const kept = async (id: string) => {
    const { rows } = await runs.owner.query(
      'SELECT r.status, s.output FROM run r JOIN run_step s ON s.run_id = r.id WHERE r.id = $1',
      [id],
    );
    return rows[0];
  };

  it('is kept with who it was, and lets the run go on', async () => {
    const id = await waiting(asked);
    await say(id, 'approved');
    const output = { ...asked, decision: 'approved', by: 'somebody', comment: 'ok' };
    expect(await kept(id)).toEqual({ status: 'queued', output });
  });

  it('counts once: a later answer changes nothing while the run waits for something else', async () => {
    const note = { ...asked, decision: 'declined', by: 'the first' };
    const id = await waiting(note);
    await say(id, 'approved');
    expect(await kept(id)).toEqual({ status: 'waiting', output: note });
  });

  it.each([
    ['a run that does not wait', asked, 'running', 0],
    ['a step that has not asked', {}, 'waiting', 0],
    ['a step that is not there', asked, 'waiting', 1],
  ] as const)('is refused for %s', async (_, note, status, step) => {
    const id = await waiting(note, status);
    await expect(say(id, 'approved', step)).rejects.toMatchObject({ code: 'nothing_to_approve' });
    expect(await kept(id)).toEqual({ status, output: note });
  });

  it('is refused for a run of another organisation as for one that never was', async () => {
    const id = await waiting(asked);
    const foreign = decideApproval(
      runs.database.db,
      { orgId: 'org_other' },
      id,
      { step: 0, decision: 'approved' },
      'x',
    );
    await expect(foreign).rejects.toMatchObject({ code: 'not_found' });
    expect((await kept(id)).status).toBe('waiting');
  });
});
