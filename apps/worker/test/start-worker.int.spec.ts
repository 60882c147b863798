import { migrateQueue } from '@nm/adapters/queue';
import { createLogger } from '@nm/adapters/telemetry';
import { queueRun } from '@nm/features/actions';
import { systemClock as clock } from '@nm/kernel/time';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedVersion } from '../../../libs/testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { testVault as vault } from '../../../libs/testing/test-vault.js';
import { workerConfig } from '../src/config.js';
import { startWorker } from '../src/start-worker.js';

describe('a worker', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    await migrateQueue(database.ownerUrl);
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  it('takes what waits when it starts and what comes while it works, and stops without leaving anything', async () => {
    const { orgId, installIds } = await seedVersion(owner, { installs: 3 });
    const { rows } = await owner.query('SELECT licence_id FROM install WHERE id = $1', [installIds[0]]);
    const plan = { steps: [{ kind: 'wait', title: 'Nothing', seconds: 0 }] };
    const queue = (i: number) => {
      const place = { orgId, installId: installIds[i % installIds.length] ?? '', licenceId: rows[0].licence_id };
      const work = { kind: 'action' as const, action: 'a', title: 'A', plan, timeoutSeconds: 60 };
      return database.db.withOrg(orgId, (tx) => queueRun(tx, { ...place, ...work }, { vault, clock }));
    };
    for (let i = 0; i < 9; i++) await queue(i);
    const env = { NM_DATABASE_URL: database.url, NM_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') };
    const worker = await startWorker(workerConfig({ ...env, NM_DRAIN_MS: '2000' }), createLogger('worker', 'silent'));
    try {
      const ended = async () =>
        Number((await owner.query(`SELECT count(*) AS n FROM run WHERE status = 'positive'`)).rows[0].n);
      await expect.poll(ended, { timeout: 60_000 }).toBe(9);
      for (let i = 0; i < 4; i++) await queue(i);
      await expect.poll(ended, { timeout: 60_000 }).toBe(13);
    } finally {
      await worker.stop();
    }
    expect((await owner.query('SELECT 1 FROM outbox WHERE dispatched_at IS NULL')).rowCount).toBe(0);
  }, 180_000);
});
