import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { seedVersion } from '../../testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { requestWake } from './request-wake.js';
import { touchInstances } from './touch-instances.js';

describe('requestWake', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  let heard: string[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    owner.on('notification', (message) => heard.push(message.payload ?? ''));
    await owner.query('LISTEN nm_instance');
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });
  beforeEach(() => {
    heard = [];
  });
  const age = (seconds: number) =>
    owner.query(`ALTER TABLE instance DISABLE TRIGGER instance_notify`).then(async () => {
      await owner.query(`UPDATE instance SET wanted_at = wanted_at - $1 * interval '1 second'`, [seconds]);
      await owner.query(`ALTER TABLE instance ENABLE TRIGGER instance_notify`);
    });

  it('gives everybody who asks at once the same instance, and wakes the operator', async () => {
    const version = await seedVersion(owner);
    const answers = await Promise.all(Array.from({ length: 20 }, () => requestWake(database.db, version)));
    expect(new Set(answers.map((answer) => answer.instanceId)).size).toBe(1);
    await expect.poll(() => heard).toContain(answers[0]!.instanceId);
    const before = heard.length;
    await requestWake(database.db, version);
    await owner.query('SELECT 1');
    expect(heard.length, 'a fresh wish is not written again').toBe(before);
    await age(3);
    await requestWake(database.db, version);
    await expect.poll(() => heard.length).toBe(before + 1);
  });

  it('gives each install its own instance', async () => {
    const version = await seedVersion(owner, { installs: 2 });
    const [one, two] = await Promise.all(
      version.installIds.map((installId) => requestWake(database.db, { ...version, installId })),
    );
    expect(one!.instanceId).not.toBe(two!.instanceId);
    expect(await requestWake(database.db, { ...version, installId: version.installIds[0] })).toEqual(one);
  });

  it('counts asking again after a crash, however soon', async () => {
    const version = await seedVersion(owner);
    const { instanceId } = await requestWake(database.db, version);
    await owner.query(`UPDATE instance SET observed = 'crashed', started_at = clock_timestamp() WHERE id = $1`, [
      instanceId,
    ]);
    await requestWake(database.db, version);
    const { rows } = await owner.query('SELECT wanted_at > started_at AS since FROM instance WHERE id = $1', [
      instanceId,
    ]);
    expect(rows[0].since).toBe(true);
  });

  it('records use in one statement for many instances', async () => {
    const version = await seedVersion(owner);
    const { instanceId } = await requestWake(database.db, version);
    await expect.poll(() => heard).toContain(instanceId);
    heard = [];
    await touchInstances(database.db, [instanceId, 'kin_unknown']);
    const { rows } = await owner.query('SELECT last_used_at FROM instance WHERE id = $1', [instanceId]);
    expect(rows[0].last_used_at).toBeInstanceOf(Date);
    expect(heard, 'use is no reason to reconcile').toEqual([]);
  });
});
