import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { changeChannel, recordChange } from './change.js';
import { listen } from './listen.js';

describe('Db', () => {
  let database: TestDatabase;
  const orgs = [newId('org'), newId('org')] as const;

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.db.asSystem(async (tx) => {
      for (const id of orgs) {
        await tx.org.create({ data: { id, slug: id, name: id } });
        await tx.app.create({ data: { id: newId('app'), orgId: id, slug: 'x', name: 'X' } });
      }
    });
  });
  afterAll(() => database.close());

  it('shows a tenant its own rows and nothing of others', async () => {
    const apps = await database.db.withOrg(orgs[0], (tx) => tx.app.findMany());
    expect(apps.map((app) => app.orgId)).toEqual([orgs[0]]);
    expect(await database.db.withOrg(orgs[0], (tx) => tx.org.findMany({ select: { id: true } }))).toEqual([
      { id: orgs[0] },
    ]);
  });

  it('shows nothing at all to a query that names no organisation', async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    expect((await client.query('SELECT * FROM app')).rowCount).toBe(0);
    await expect(client.query('SELECT password_hash FROM user_account')).rejects.toThrow(/permission denied/);
    await client.end();
  });

  it('refuses to write a row of another tenant', async () => {
    const write = database.db.withOrg(orgs[0], (tx) =>
      tx.app.create({ data: { id: newId('app'), orgId: orgs[1], slug: 'y', name: 'Y' } }),
    );
    await expect(write).rejects.toThrow();
  });

  it('keeps 40 interleaved transactions on 5 connections apart', async () => {
    const seen = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const org = orgs[i % 2] as string;
        const rows = await database.db.withOrg(org, async (tx) => {
          await tx.$queryRaw`SELECT pg_sleep(0.005)::text`;
          return tx.app.findMany();
        });
        return rows.every((row) => row.orgId === org) && rows.length === 1;
      }),
    );
    expect(seen.every(Boolean)).toBe(true);
  });

  it('rolls everything back when the work throws', async () => {
    const failing = database.db.withOrg(orgs[0], async (tx) => {
      await tx.app.create({ data: { id: newId('app'), orgId: orgs[0], slug: 'gone', name: 'Gone' } });
      throw new Fault('conflict');
    });
    await expect(failing).rejects.toMatchObject({ code: 'conflict' });
    expect(await database.db.withOrg(orgs[0], (tx) => tx.app.findFirst({ where: { slug: 'gone' } }))).toBeNull();
  });

  it('maps a broken unique rule to already_exists', async () => {
    const twice = database.db.withOrg(orgs[0], (tx) =>
      tx.app.create({ data: { id: newId('app'), orgId: orgs[0], slug: 'x', name: 'X' } }),
    );
    await expect(twice).rejects.toMatchObject({ code: 'already_exists' });
  });

  it('has row-level security enabled and forced on every table with an org_id', async () => {
    const client = new pg.Client({ connectionString: database.ownerUrl });
    await client.connect();
    const { rows } = await client.query(
      `SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
       WHERE a.attname = 'org_id' AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace`,
    );
    await client.end();
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.filter((row) => !row.relrowsecurity || !row.relforcerowsecurity)).toEqual([]);
  });

  it('announces a change at commit, and never for a transaction that rolled back', async () => {
    const messages: string[] = [];
    let connected = () => {};
    const ready = new Promise<void>((resolve) => (connected = resolve));
    const listener = listen({
      url: database.url,
      channels: [changeChannel],
      onMessage: (_, payload) => messages.push(payload),
      onConnected: connected,
    });
    await ready;
    await database.db
      .withOrg(orgs[0], async (tx) => {
        await recordChange(tx, { kind: 'app', id: 'rolled-back', orgId: orgs[0] });
        throw new Error('no');
      })
      .catch(() => undefined);
    await database.db.withOrg(orgs[0], (tx) => recordChange(tx, { kind: 'app', id: 'kept', orgId: orgs[0] }));
    await expect.poll(() => messages.length).toBe(1);
    expect(JSON.parse(messages[0] as string)).toMatchObject({
      kind: 'app',
      id: 'kept',
      orgId: orgs[0],
      seq: expect.any(Number),
    });
    await listener.close();
  });
});
