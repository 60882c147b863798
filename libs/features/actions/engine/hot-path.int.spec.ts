import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Db } from '@nm/adapters/db';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import pg from 'pg';
import { Agent } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SeededVersion, seedVersion } from '../../../testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../testing/test-database.js';
import { testVault as vault } from '../../../testing/test-vault.js';
import { queueRun } from '../queue-run.js';
import { claimRun, readSteps } from './claim-run.js';
import { RunLedger } from './run-ledger.js';
import { type Worked, workThrough } from './work-once.js';

const pause = { kind: 'wait', title: 'Nothing', seconds: 0 };
const never = new AbortController().signal;
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

describe('the way of a run through the database', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  let seeded: SeededVersion;
  const egress = new Agent();
  const opened: Db[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    seeded = await seedVersion(owner, { installs: 4 });
  });
  afterEach(() => owner.query('DELETE FROM run; DELETE FROM outbox'));
  afterAll(async () => {
    await egress.destroy();
    for (const db of opened) await db.close();
    await owner.end();
    await database.close();
  });

  /** Its steps only wait, but it takes turns on its install, as a run does that changes something. */
  const queue = async (install: number, steps: object[] = [pause]): Promise<string> => {
    const { orgId, installIds } = seeded;
    const installId = installIds[install] ?? '';
    const { rows } = await owner.query('SELECT licence_id FROM install WHERE id = $1', [installId]);
    const work = { kind: 'action' as const, action: 'a', title: 'A', plan: { steps }, timeoutSeconds: 60 };
    const { id } = await database.db.withOrg(orgId, (tx) =>
      queueRun(tx, { orgId, installId, licenceId: rows[0].licence_id, ...work }, { vault, clock }),
    );
    await owner.query('UPDATE run SET changing = true WHERE id = $1', [id]);
    return id;
  };
  const engine = (db: Db = database.db) => {
    const away = () => Promise.reject(new Fault('cluster_unauthorized'));
    return {
      ...{ db, clock, vault, egress, worker: 'test', leaseMs: 60_000, tenantRunsMax: 100, onFault: () => undefined },
      sessions: { forCluster: away, forInstall: away },
      cancellations: { watch: () => () => undefined },
    };
  };
  const through = async (db: Db, runId: string, takesMore = () => true) => {
    const worked: Worked[] = [];
    const around = async (work: () => Promise<Worked>) => {
      const each = await work();
      worked.push(each);
      return each;
    };
    await workThrough(engine(db), runId, { stop: never, takesMore, around });
    return worked.map(({ runId: id, outcome }) => `${id} ${outcome}`);
  };

  /** A Db that writes down which statements travel. */
  const countingDb = () => {
    const statements: string[] = [];
    const db = new Db({ url: database.url, poolMax: 4 });
    const system = db.system.bind(db);
    db.system = (statement, values) => {
      statements.push(statement.name);
      return system(statement, values);
    };
    db.asSystem = () => Promise.reject(new Error('no transaction of several statements'));
    opened.push(db);
    return { db, statements };
  };

  const stepRecord = { position: 0, title: 'Nothing', attempt: 1 };
  const storyOf = async (id: string) =>
    (await owner.query('SELECT seq, kind, data FROM run_log WHERE run_id = $1 ORDER BY seq', [id])).rows.map(
      ({ seq, kind, data }) => `${seq} ${kind} ${data.step ?? ''} ${data.status}`,
    );
  const [begins, ends] = ['status  running', 'status  positive'];

  it('is one statement before each step that has an effect, and one that ends it and takes the next; the first is taken by one of its own', async () => {
    const app = createServer((_, answer) => answer.end()).listen(0, '127.0.0.1');
    await once(app, 'listening');
    const post = { kind: 'http-request', title: 'Tell', method: 'POST', url: `http://127.0.0.1:${portOf(app)}/` };
    try {
      const { db: counting, statements } = countingDb();
      const first = await queue(0, [post, pause, post]);
      const second = await queue(0, [post]);
      expect(await through(counting, first)).toEqual([`${first} positive`, `${second} positive`, `${second} nothing`]);
      // A request is noted as begun once its connection stands.
      expect(statements).toEqual([
        ...['nm_runs_take', 'nm_runs_write', 'nm_runs_write', 'nm_runs_write', 'nm_runs_write', 'nm_runs_end_and_take'],
        ...['nm_runs_write', 'nm_runs_write', 'nm_runs_end_and_take'],
      ]);
      expect(
        (await storyOf(first)).map((line) => line.replace(/^\d+ /, '')).filter((line) => !line.startsWith('log')),
      ).toEqual([
        ...['status  queued', begins, 'step 0 running', 'step 0 positive', 'step 1 running', 'step 1 positive'],
        ...['step 2 running', 'step 2 positive', ends],
      ]);
    } finally {
      app.close();
    }
  });

  it('is no statement for a step that only looks and soon knows: it goes with the end, with the time at which it began', async () => {
    const { db: counting, statements } = countingDb();
    const first = await queue(0, [pause, pause]);
    const second = await queue(0);
    expect(await through(counting, first)).toEqual([`${first} positive`, `${second} positive`, `${second} nothing`]);
    expect(statements).toEqual(['nm_runs_take', 'nm_runs_end_and_take', 'nm_runs_end_and_take']);
    expect(await storyOf(first)).toEqual([
      ...['1 status  queued', `2 ${begins}`, '3 step 0 running', '4 step 0 positive', '5 step 1 running'],
      ...['6 step 1 positive', `7 ${ends}`],
    ]);
    const { rows } = await owner.query(
      `SELECT s.status, s.attempts, s.started_at BETWEEN r.started_at - interval '1 min' AND s.finished_at AS timed
         FROM run_step s JOIN run r ON r.id = s.run_id`,
    );
    expect(rows).toEqual(Array(3).fill({ status: 'positive', attempts: 1, timed: true }));
  });

  it('tells of a step that looks for longer while it does', async () => {
    const id = await queue(0);
    const taken = await claimRun(engine(), id);
    if (taken.decision !== 'claim') throw new Error(taken.decision);
    const ledger = new RunLedger(engine(), taken.run, clock.monotonicMs());
    ledger.recordLater({ ...stepRecord, status: 'running' });
    await expect.poll(() => storyOf(id), { timeout: 20_000 }).toContain('3 step 0 running');
    ledger.close();
  });

  it('ends a run also when the one that was chosen to follow it cannot be claimed, and asks for that', async () => {
    const [first, second] = [await queue(0), await queue(1)];
    await owner.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
      CREATE TRIGGER refuse BEFORE UPDATE ON run FOR EACH ROW WHEN (NEW.id = '${second}') EXECUTE FUNCTION refuse()`);
    try {
      await owner.query('DELETE FROM outbox');
      expect(await through(database.db, first)).toEqual([`${first} positive`]);
      const { rows } = await owner.query('SELECT id, status, fence FROM run ORDER BY id');
      expect(rows).toEqual([
        { id: first, status: 'positive', fence: 1 },
        { id: second, status: 'queued', fence: 0 },
      ]);
      expect((await storyOf(first)).filter((line) => line.endsWith(ends))).toHaveLength(1);
      expect((await owner.query(`SELECT payload->>'runId' AS id FROM outbox`)).rows).toEqual([{ id: second }]);
    } finally {
      await owner.query('DROP TRIGGER refuse ON run; DROP FUNCTION refuse()');
    }
  });

  it('is shared by those that are under way at the same time: 48 runs in eight slots take a third of the statements', async () => {
    const { db, statements } = countingDb();
    const ids: string[] = [];
    for (let i = 0; i < 12; i++) ids.push(...(await Promise.all([0, 1, 2, 3].map((install) => queue(install)))));
    await owner.query('UPDATE run SET changing = false');
    const worked = (await Promise.all(ids.slice(0, 8).map((id) => through(db, id)))).flat();
    expect(worked.filter((each) => each.endsWith(' positive'))).toHaveLength(ids.length);
    // Each alone: eight that take the first, and 48 that end one and take the next.
    expect(statements.length).toBeLessThanOrEqual(18);
    expect([...new Set(statements)].sort()).toEqual(['nm_runs_end_and_take', 'nm_runs_take']);
    const { rows } = await owner.query(
      `SELECT DISTINCT r.status, r.fence, r.next_seq AS next,
              (SELECT string_agg(l.seq || ' ' || l.kind || ' ' || (l.data->>'status'), ', ' ORDER BY l.seq) FROM run_log l WHERE l.run_id = r.id) AS story
         FROM run r`,
    );
    const story = '1 status queued, 2 status running, 3 step running, 4 step positive, 5 status positive';
    expect(rows).toEqual([{ status: 'positive', fence: 1, next: 6, story }]);
  });

  /** Two claimed runs of different installs, and what writes their progress. */
  const twoLedgers = async (db: Db) => {
    const ids = [await queue(0), await queue(1)] as const;
    const ledgerOf = async (id: string) => {
      const taken = await claimRun(engine(db), id);
      if (taken.decision !== 'claim') throw new Error(taken.decision);
      return new RunLedger(engine(db), taken.run, clock.monotonicMs());
    };
    return { ids, ledgers: [await ledgerOf(ids[0]), await ledgerOf(ids[1])] as const, ledgerOf };
  };

  it.each(['record', 'finish'] as const)(
    'is whole for the others in a statement when one of them cannot be written: %s',
    async (way) => {
      const { db, statements } = countingDb();
      const { ids, ledgers } = await twoLedgers(db);
      const [good, bad] = ledgers;
      // PostgreSQL keeps no NUL in its JSON.
      bad.log(undefined, 'before\u0000after');
      const work = (ledger: RunLedger): Promise<void> => {
        if (way === 'record') return ledger.record({ ...stepRecord, status: 'running' });
        return ledger.finish({ status: 'positive' });
      };
      statements.length = 0;
      const [well, ill] = await Promise.allSettled([work(good), work(bad)]);
      for (const ledger of ledgers) ledger.close();
      expect([well.status, ill.status]).toEqual(['fulfilled', 'rejected']);
      // Once together, and once each.
      expect(statements.slice(0, 3)).toEqual(
        Array(3).fill(way === 'record' ? 'nm_runs_write' : 'nm_runs_end_and_take'),
      );
      const { rows } = await owner.query(
        'SELECT r.id, r.status, s.status AS step, r.next_seq AS next FROM run r JOIN run_step s ON s.run_id = r.id ORDER BY r.id',
      );
      const [step, status] = way === 'record' ? ['running', 'running'] : ['idle', 'positive'];
      expect(rows).toEqual([
        { id: ids[0], status, step, next: 4 },
        { id: ids[1], status: 'running', step: 'idle', next: 3 },
      ]);
    },
  );

  it.each(['record', 'finish'] as const)(
    'keeps claims apart in a statement: one that was lost is refused beside the one that holds the run now: %s',
    async (way) => {
      const { db, statements } = countingDb();
      const { ids, ledgers, ledgerOf } = await twoLedgers(db);
      const [lost, other] = ledgers;
      await owner.query(`UPDATE run SET lease_until = now() - interval '1 s' WHERE id = $1`, [ids[0]]);
      const holder = await ledgerOf(ids[0]);
      statements.length = 0;
      const work = (ledger: RunLedger): Promise<void> => {
        if (way === 'record') return ledger.record({ ...stepRecord, status: 'running' });
        return ledger.finish({ status: 'positive' });
      };
      // What it still had to say is not told in the other's name either.
      lost.log(undefined, 'late');
      const results = await Promise.allSettled([work(lost), work(holder), work(other)]);
      expect(statements).toEqual([way === 'record' ? 'nm_runs_write' : 'nm_runs_end_and_take']);
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
      expect((results[0] as PromiseRejectedResult).reason).toMatchObject({ code: 'run_lost' });
      lost.close();
      const { rows } = await owner.query('SELECT fence, next_seq AS next FROM run ORDER BY id');
      expect((await owner.query(`SELECT 1 FROM run_log WHERE kind = 'log'`)).rowCount).toBe(0);
      expect(rows).toEqual([
        { fence: 2, next: 5 },
        { fence: 1, next: 4 },
      ]);
    },
  );

  it('of what a run that ends lets begin: its worker takes it, or asks for it when it takes nothing more', async () => {
    const [first, second] = [await queue(0), await queue(0)];
    await owner.query('DELETE FROM outbox');
    expect(await through(database.db, first, () => false)).toEqual([`${first} positive`]);
    expect((await owner.query(`SELECT payload->>'runId' AS id FROM outbox`)).rows).toEqual([{ id: second }]);
  });

  it('stays in order for many slots at once: one run of an install at a time, each claimed once, each story whole', async () => {
    const ids = await Promise.all(Array.from({ length: 24 }, (_, i) => queue(i % 4, [pause, pause, pause])));
    await Promise.all(Array.from({ length: 6 }, () => through(database.db, newId('run'))));
    const { rows } = await owner.query(
      `SELECT r.status, r.fence, r.next_seq AS next,
              (SELECT array_agg(seq ORDER BY seq) FROM run_log WHERE run_id = r.id) AS seqs,
              EXISTS (SELECT 1 FROM run o WHERE o.install_id = r.install_id AND o.id <> r.id
                         AND o.started_at < r.finished_at AND r.started_at < o.finished_at) AS overlaps
         FROM run r`,
    );
    const seqs = Array.from({ length: 9 }, (_, i) => i + 1);
    expect(rows).toEqual(Array(ids.length).fill({ status: 'positive', fence: 1, next: 10, seqs, overlaps: false }));
  });

  it('is planned once for all calls, and reads no entries of ended runs again', async () => {
    // A later migration that replaces a function takes its settings away, without a word.
    const { rows } = await owner.query(
      `SELECT proname AS name FROM pg_proc WHERE proname LIKE 'nm\\_runs\\_%'
          AND proconfig @> '{plan_cache_mode=force_generic_plan,enable_bitmapscan=off}' ORDER BY 1`,
    );
    const names = rows.map(({ name }) => name);
    expect(names).toEqual(['nm_runs_begin', 'nm_runs_choose', 'nm_runs_facts', 'nm_runs_write']);
  });

  it('is shut to whoever has lost the fence, with everything that was still to be written', async () => {
    const id = await queue(0);
    const taken = await claimRun(engine(), id);
    if (taken.decision !== 'claim') throw new Error(taken.decision);
    const late = new RunLedger(engine(), taken.run, clock.monotonicMs());
    await owner.query('UPDATE run SET fence = fence + 1 WHERE id = $1', [id]);
    const record = { position: 0, title: 'Nothing', attempt: 1 };
    late.recordSoon({ ...record, status: 'positive' });
    await expect(late.finish({ status: 'positive' })).rejects.toMatchObject({ code: 'run_lost' });
    await expect(late.record({ ...record, status: 'negative' })).rejects.toMatchObject({ code: 'run_lost' });
    await expect(late.renew()).rejects.toMatchObject({ code: 'run_lost' });
    await expect(late.note(0, { any: 1 })).rejects.toMatchObject({ code: 'run_lost' });
    const { rows } = await owner.query(
      'SELECT r.status, r.next_seq AS next, s.status AS step FROM run r JOIN run_step s ON s.run_id = r.id WHERE r.id = $1',
      [id],
    );
    expect(rows).toEqual([{ status: 'running', next: 3, step: 'idle' }]);
  });

  it.each([
    {
      what: 'an install that waits for it',
      before: `UPDATE run SET kind = 'provision'; UPDATE install SET state = 'failed' WHERE id = (SELECT install_id FROM run ORDER BY id DESC LIMIT 1)`,
      after: `SELECT i.state AS seen FROM install i JOIN run r ON r.install_id = i.id WHERE r.id = $1`,
      expected: 'ready',
    },
    {
      what: 'a run that waits for it',
      before: `UPDATE run SET status = 'waiting', started_at = now(), waits_run = (SELECT max(id) FROM run), waits_reason = 'run', waits_for = 'x',
                              waits_until = now() + interval '1 h' WHERE id = (SELECT min(id) FROM run)`,
      after: 'SELECT status AS seen FROM run WHERE id <> $1',
      expected: 'queued',
    },
    {
      what: 'a step that is still open',
      before: `UPDATE run_step SET status = 'running'`,
      after: 'SELECT status AS seen FROM run_step WHERE run_id = $1',
      expected: 'negative',
    },
  ])('does for $what what follows from the end of a run', async ({ before, after, expected }) => {
    await queue(1);
    const id = await queue(0);
    await owner.query(before);
    const taken = await claimRun(engine(), id);
    if (taken.decision !== 'claim') throw new Error(taken.decision);
    const ledger = new RunLedger(engine(), taken.run, clock.monotonicMs());
    await ledger.finish({ status: 'positive' });
    ledger.close();
    expect((await owner.query('SELECT status FROM run WHERE id = $1', [id])).rows).toEqual([{ status: 'positive' }]);
    expect((await owner.query(after, [id])).rows).toEqual([{ seen: expected }]);
    expect((await storyOf(id)).filter((line) => line.endsWith(ends))).toHaveLength(1);
  });

  const claimedSteps = async (id: string) => {
    const taken = await claimRun(engine(), id);
    if (taken.decision !== 'claim') throw new Error(taken.decision);
    return taken.run.steps;
  };
  const rowsOf = (id: string) => database.db.asSystem((tx) => readSteps(tx, id));

  it('knows the steps of a run that nobody has begun from its plan: they are as their rows say', async () => {
    const undo = [{ kind: 'delete', title: 'Take away', refs: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a' }] }];
    const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
    const apply = { kind: 'apply', title: 'Put', manifests: [config], undo };
    const group = { kind: 'group', title: 'Both', mode: 'parallel', steps: [pause, apply] };
    const id = await queue(0, [group, pause]);
    const rows = await rowsOf(id);
    expect(rows.map(({ kind, parent }) => `${kind} ${parent}`)).toEqual([
      ...['group undefined', 'wait 0', 'apply 0', 'wait undefined', 'delete 2'],
    ]);
    expect(await claimedSteps(id)).toEqual(rows);
  });

  it.each([
    ['a retry', `retry_of = 'run_before'`],
    ['a run that was begun', 'fence = 1, started_at = now()'],
  ])('reads the steps of %s, which may be done already', async (_of, change) => {
    const id = await queue(0, [pause, pause]);
    await owner.query(`UPDATE run SET ${change} WHERE id = $1`, [id]);
    await owner.query(`UPDATE run_step SET status = 'positive', attempts = 3 WHERE run_id = $1 AND position = 0`, [id]);
    const steps = await claimedSteps(id);
    expect(steps.map(({ status, attempts }) => `${status} ${attempts}`)).toEqual(['positive 3', 'idle 0']);
    expect(steps).toEqual(await rowsOf(id));
  });

  it('claims nothing that the rules would not let through', async () => {
    const [first, second, third] = [await queue(0), await queue(0), await queue(1)];
    const decisionOf = async (id: string) => (await claimRun(engine(), id)).decision;
    expect(await decisionOf(second)).toBe('behind');
    expect(await decisionOf(first)).toBe('claim');
    expect(await decisionOf(first)).toBe('held');
    expect(await decisionOf(second)).toBe('busy');
    await owner.query(`UPDATE cluster SET paused_at = now()`);
    expect(await decisionOf(third)).toBe('paused');
    await owner.query(`UPDATE cluster SET paused_at = NULL`);
    await owner.query(`UPDATE run SET status = 'waiting', waits_until = now() WHERE id = $1`, [third]);
    expect(await decisionOf(third)).toBe('waits');
    await owner.query(`UPDATE run SET status = 'cancelled' WHERE id = $1`, [third]);
    expect(await decisionOf(third)).toBe('ended');
    expect(await decisionOf(newId('run'))).toBe('ended');
    await owner.query(`UPDATE run SET lease_until = now() - interval '1 s' WHERE id = $1`, [first]);
    expect(await decisionOf(first)).toBe('claim');
  });
});
