import { recordChange } from '@nm/adapters/db';
import { newId } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../testing/test-database.js';
import { announceRun } from '../run-journal.js';
import { type AdvanceRequest, type DispatchOptions, OutboxDispatcher } from './outbox-dispatcher.js';

describe('OutboxDispatcher', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  const orgId = newId('org');
  const dispatchers: OutboxDispatcher[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    await database.db.asSystem((tx) => tx.org.create({ data: { id: orgId, slug: orgId, name: 'Acme' } }));
  });
  beforeEach(() => owner.query('DELETE FROM outbox'));
  afterEach(async () => {
    for (const dispatcher of dispatchers.splice(0)) await dispatcher.close();
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  const start = (options: Partial<DispatchOptions>) => {
    const advance = async () => undefined;
    const dispatcher = new OutboxDispatcher({ db: database.db, clock, advance, onError: () => undefined, ...options });
    dispatchers.push(dispatcher);
  };
  const announce = (id: string) => database.db.withOrg(orgId, (tx) => announceRun(tx, { id, orgId }));
  const open = async () => Number((await owner.query('SELECT 1 FROM outbox WHERE dispatched_at IS NULL')).rowCount);

  it('passes every committed row on once, however many dispatchers there are, and none that was rolled back', async () => {
    const asked: string[] = [];
    const advance = async (requests: readonly AdvanceRequest[]) =>
      void asked.push(...requests.map(({ runId }) => runId));
    await announce('before');
    for (let i = 0; i < 3; i++) start({ advance });
    const ids = Array.from({ length: 40 }, (_, i) => `run-${i}`);
    await Promise.all(ids.map(announce));
    const failing = database.db.withOrg(orgId, async (tx) => {
      await announceRun(tx, { id: 'rolled-back', orgId });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await expect.poll(open).toBe(0);
    await expect.poll(() => asked.length).toBe(41);
    expect([...asked].sort()).toEqual(['before', ...ids].sort());
  });

  it('is told of a row at once, without waiting for its next look', async () => {
    const asked: string[] = [];
    start({ advance: async (requests) => void asked.push(...requests.map(({ runId }) => runId)) });
    await clock.sleep(300);
    const beganMs = clock.monotonicMs();
    await announce('quick');
    await expect.poll(() => asked, { interval: 5 }).toEqual(['quick']);
    expect(clock.monotonicMs() - beganMs).toBeLessThan(500);
  });

  it('keeps what could not be passed on, and tries again', async () => {
    const tickets: string[] = [];
    let away = true;
    const advance = async (requests: readonly AdvanceRequest[]) => {
      tickets.push(...requests.map(({ ticket }) => ticket));
      if (away) throw new Error('queue away');
    };
    start({ advance });
    await announce('patient');
    await expect.poll(() => tickets.length, { timeout: 5_000 }).toBeGreaterThan(1);
    away = false;
    await expect.poll(open, { timeout: 5_000 }).toBe(0);
    expect(new Set(tickets).size).toBe(1);
  });

  it('publishes changes with their number, and keeps the row for the gateways that missed it', async () => {
    const published: unknown[] = [];
    start({ publish: async (message) => void published.push(JSON.parse(message)) });
    await database.db.withOrg(orgId, (tx) => recordChange(tx, { kind: 'licence', id: 'lic_1', orgId }));
    await expect.poll(() => published.length).toBe(1);
    const { rows } = await owner.query('SELECT id::int AS seq FROM outbox');
    expect(published).toEqual([{ seq: rows[0].seq, kind: 'licence', id: 'lic_1', orgId }]);
  });

  it('drops rows an hour after they were passed on', async () => {
    await owner.query(
      `INSERT INTO outbox (org_id, topic, payload, dispatched_at) VALUES
         ($1, 'change', '{}', now() - interval '61 min'), ($1, 'change', '{}', now() - interval '59 min')`,
      [orgId],
    );
    start({});
    await expect.poll(async () => (await owner.query('SELECT 1 FROM outbox')).rowCount).toBe(1);
  });
});
