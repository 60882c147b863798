import { newId } from '@nm/kernel/ids';
import { systemClock } from '@nm/kernel/time';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SeededVersion, seedVersion } from '../../testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { testVault as vault } from '../../testing/test-vault.js';
import { claimRun } from './engine/claim-run.js';
import { RunLedger } from './engine/run-ledger.js';
import { cancelRun, listRuns, queueRun, readRun, retryRun, runEvents, sweepRuns } from './index.js';

const plan = (name = 'x') => ({
  steps: [{ kind: 'apply', title: 'Apply', manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } }] }],
});

describe('runs in the database', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  let seeded: SeededVersion;
  let orgId: string;
  let installs: string[];
  const clock = systemClock;

  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    seeded = await seedVersion(owner, { installs: 8 });
    orgId = seeded.orgId;
    installs = [...seeded.installIds];
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  const licenceOf = async (installId: string): Promise<string> =>
    (await owner.query('SELECT licence_id FROM install WHERE id = $1', [installId])).rows[0].licence_id;
  const queue = async (installId: string, more: object = {}) => {
    const input = {
      ...{ orgId, installId, licenceId: await licenceOf(installId), kind: 'action' as const, action: 'a', title: 'A' },
      ...{ plan: plan(), timeoutSeconds: 60 },
      ...more,
    };
    return (await database.db.withOrg(orgId, (tx) => queueRun(tx, input, { vault, clock }))).id;
  };
  const claim = (runId: string, leaseMs = 30_000) =>
    claimRun({ db: database.db, clock, vault, worker: 'w', leaseMs }, runId);
  const claimed = async (runId: string, leaseMs?: number) => {
    const taken = await claim(runId, leaseMs);
    if (taken.decision !== 'claim') throw new Error(taken.decision);
    return taken.run;
  };
  const ledgerOf = (run: Awaited<ReturnType<typeof claimed>>) =>
    new RunLedger({ db: database.db, clock, leaseMs: 30_000 }, run, clock.monotonicMs());
  const runRows = async (sql: string, ...values: unknown[]) => (await owner.query(sql, values)).rows;
  const seqsOf = async (runId: string) =>
    (await runRows('SELECT seq FROM run_log WHERE run_id = $1 ORDER BY seq', runId)).map(({ seq }) => seq);
  const expectWholeStory = async (runId: string) => {
    const seqs = await seqsOf(runId);
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
    const [{ next_seq }] = await runRows('SELECT next_seq FROM run WHERE id = $1', runId);
    expect(next_seq).toBe(seqs.length + 1);
  };

  it('keeps the secrets of a plan sealed: no row shows them, the worker that claims the run has them, a retry too', async () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'db' },
      stringData: { password: 'correct-horse' },
    };
    const sealed = { steps: [{ kind: 'apply', title: 'Secret', manifests: [secret] }] };
    const runId = await queue(installs[6]!, { plan: sealed });
    const passwordOf = async (id: string) => {
      const [step] = (await claimed(id)).plan.steps;
      return step?.kind === 'apply' ? step.manifests[0]?.['stringData'] : undefined;
    };
    const everything = JSON.stringify(
      await runRows(
        'SELECT to_jsonb(r) AS run, (SELECT jsonb_agg(s) FROM run_step s WHERE s.run_id = r.id) FROM run r WHERE id = $1',
        runId,
      ),
    );
    expect(everything).not.toContain('correct-horse');
    expect(everything).not.toContain(Buffer.from('correct-horse').toString('hex'));
    expect(await passwordOf(runId)).toEqual(secret.stringData);
    await owner.query(`UPDATE run SET status = 'negative', finished_at = now() WHERE id = $1`, [runId]);
    await owner.query(`UPDATE install SET state = 'ready' WHERE id = $1`, [installs[6]]);
    const again = await retryRun({ db: database.db, clock, vault }, { orgId }, runId, { from: 'start' });
    expect(await passwordOf(again.id)).toEqual(secret.stringData);
    await owner.query('DELETE FROM run; DELETE FROM outbox');
  });

  it('leaves nothing of a run when the caller’s transaction fails', async () => {
    const installId = installs[0]!;
    const licenceId = await licenceOf(installId);
    const failing = database.db.withOrg(orgId, async (tx) => {
      const work = { action: 'a', title: 'A', plan: plan(), timeoutSeconds: 60 };
      await queueRun(tx, { orgId, installId, licenceId, kind: 'action', ...work }, { vault, clock });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    for (const table of ['run', 'run_step', 'run_log']) expect(await runRows(`SELECT 1 FROM ${table}`)).toEqual([]);
    expect(await runRows(`SELECT 1 FROM outbox WHERE topic = 'run'`)).toEqual([]);
  });

  it('takes the same key for the same work as one run, also at the same moment, and refuses it for other work', async () => {
    const installId = installs[0]!;
    const ids = await Promise.all(Array.from({ length: 5 }, () => queue(installId, { idempotencyKey: 'k' })));
    expect(new Set(ids).size).toBe(1);
    expect(await runRows('SELECT 1 FROM run_step WHERE run_id = $1', ids[0])).toHaveLength(1);
    await expect(queue(installId, { idempotencyKey: 'k', plan: plan('other') })).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
    expect(await queue(installs[1]!, { idempotencyKey: 'k' })).not.toBe(ids[0]);
  });

  it('lets one of many workers take a run', async () => {
    const runId = await queue(installs[2]!);
    const claims = await Promise.all(Array.from({ length: 6 }, () => claim(runId)));
    expect(claims.map(({ decision }) => decision).sort()).toEqual(['claim', 'held', 'held', 'held', 'held', 'held']);
    expect(await claim('run_unknown')).toEqual({ decision: 'ended' });
  });

  it('works on one run of an install at a time, in order of creation, and passes the turn on', async () => {
    const installId = installs[3]!;
    const [first, second, third] = [await queue(installId), await queue(installId), await queue(installId)];
    expect((await claim(second)).decision).toBe('behind');
    const run = await claimed(first);
    expect((await claim(second)).decision).toBe('busy');
    await owner.query(`UPDATE outbox SET dispatched_at = now()`);
    await ledgerOf(run).finish({ status: 'positive' });
    // The next of this install, and the tenant's first on another: its turn may have come while all slots were taken.
    const announced = await runRows('SELECT payload FROM outbox WHERE dispatched_at IS NULL ORDER BY id');
    expect(announced[0]).toEqual({ payload: { runId: second } });
    await cancelRun(database.db, { orgId }, second);
    expect((await claim(third)).decision).toBe('claim');
    await expect(
      owner.query(`UPDATE run SET status = 'running' WHERE id = $1`, [await queue(installId)]),
    ).rejects.toThrow(/run_one_running_per_install/);
  });

  it('refuses every record of a worker that has lost the run, and keeps what the next one wrote', async () => {
    const runId = await queue(installs[4]!);
    const late = ledgerOf(await claimed(runId, 1));
    await clock.sleep(10);
    const run = await claimed(runId);
    expect(run.fence).toBe(2);
    const next = ledgerOf(run);
    await next.record({ position: 0, title: 'Apply', status: 'running', attempt: 1 });
    const lost = { code: 'run_lost' };
    await expect(late.record({ position: 0, title: 'Apply', status: 'positive', attempt: 1 })).rejects.toMatchObject(
      lost,
    );
    late.log(0, 'late');
    await expect(late.flush()).rejects.toMatchObject(lost);
    await expect(late.note(0, { late: true })).rejects.toMatchObject(lost);
    await expect(late.renew()).rejects.toMatchObject(lost);
    await expect(late.release()).rejects.toMatchObject(lost);
    await expect(late.finish({ status: 'negative' })).rejects.toMatchObject(lost);
    next.log(0, 'one', 'two');
    await next.record({ position: 0, title: 'Apply', status: 'positive', attempt: 1, output: { ok: true } });
    await next.finish({ status: 'positive' });
    next.log(0, 'after the end');
    await expect(next.flush()).rejects.toMatchObject(lost);
    expect(await readRun(database.db, { orgId }, runId)).toMatchObject({
      status: 'positive',
      steps: [{ status: 'positive', output: { ok: true } }],
      progress: { sub_items: [{ logs: ['one', 'two'] }] },
    });
    await expectWholeStory(runId);
  });

  it('keeps the story whole when many write at once', async () => {
    const runId = await queue(installs[5]!);
    const ledger = ledgerOf(await claimed(runId));
    const write = async (i: number) => {
      ledger.log(0, `a${i}`, `b${i}`);
      await ledger.flush();
    };
    await Promise.all(Array.from({ length: 20 }, (_, i) => write(i)));
    await ledger.finish({ status: 'negative', error: { code: 'step_failed', reason: 'x', fatal: true } });
    await expectWholeStory(runId);
    const { events, ended } = await runEvents(database.db, { orgId }, runId, 0);
    const said = events.filter(({ kind }) => kind === 'log').flatMap(({ data }) => String(data['line']).split('\n'));
    expect(said.sort()).toEqual(
      Array.from({ length: 20 }, (_, i) => [`a${i}`, `b${i}`])
        .flat()
        .sort(),
    );
    expect(ended).toBe(true);
  });

  it('ends a queued run at once when it is cancelled; asking again is fine, asking for an ended one is not', async () => {
    const installId = installs[6]!;
    const runId = await queue(installId, { kind: 'provision' });
    await cancelRun(database.db, { orgId }, runId);
    await cancelRun(database.db, { orgId }, runId);
    expect(await readRun(database.db, { orgId }, runId)).toMatchObject({
      status: 'cancelled',
      error: { code: 'run_cancelled' },
    });
    expect(await runRows('SELECT state FROM install WHERE id = $1', installId)).toEqual([{ state: 'failed' }]);
    await expectWholeStory(runId);
    const done = await queue(installId);
    await ledgerOf(await claimed(done)).finish({ status: 'positive' });
    await expect(cancelRun(database.db, { orgId }, done)).rejects.toMatchObject({ code: 'run_finished' });
  });

  it('asks again for a run whose worker is gone or whose job was lost, once however many sweep', async () => {
    await owner.query(`UPDATE run SET status = 'cancelled', lease_until = NULL WHERE status IN ('queued', 'running')`);
    const [gone, lost, waiting, fresh] = [
      await queue(installs[0]!),
      await queue(installs[1]!),
      await queue(installs[1]!),
      await queue(installs[2]!),
    ];
    await claimed(gone, 1);
    await owner.query(`UPDATE run SET created_at = created_at - interval '20 s' WHERE id = ANY($1)`, [[lost, waiting]]);
    const tickets: string[] = [];
    const sweep = () =>
      sweepRuns({
        db: database.db,
        clock: { ...clock, nowMs: () => 1_000 },
        advance: async (requests) => void tickets.push(...requests.map(({ runId, ticket }) => `${runId} ${ticket}`)),
        onError: () => undefined,
      });
    await sweep();
    await sweep();
    expect([...new Set(tickets)].sort()).toEqual([`${gone} s1-0`, `${lost} s0-0`].sort());
    expect(tickets.join()).not.toContain(waiting);
    expect(tickets.join()).not.toContain(fresh);
  });

  it('shows nobody the runs of somebody else', async () => {
    const runId = await queue(installs[7]!);
    const mine = { orgId, installId: installs[7]! };
    expect((await listRuns(database.db, mine, { limit: 50 })).data.map(({ id }) => id)).toEqual([runId]);
    const others = [
      { orgId, installId: installs[0]! },
      { orgId, licenceId: await licenceOf(installs[0]!) },
      { orgId: newId('org') },
    ];
    for (const scope of others) {
      await expect(readRun(database.db, scope, runId)).rejects.toMatchObject({ code: 'not_found' });
      await expect(runEvents(database.db, scope, runId, 0)).rejects.toMatchObject({ code: 'not_found' });
      await expect(cancelRun(database.db, scope, runId)).rejects.toMatchObject({ code: 'not_found' });
    }
    const first = await listRuns(database.db, { orgId }, { limit: 3 });
    const second = await listRuns(database.db, { orgId }, { limit: 3, cursor: first.nextCursor });
    expect(first.data).toHaveLength(3);
    expect(second.data[0]!.id > first.data[2]!.id).toBe(true);
  });
});
