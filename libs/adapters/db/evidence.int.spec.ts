import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedLicensee } from '../../testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';

/** Each tenant row of licences and rules, made for one organisation. */
const rowsOf = (orgId: string, appId: string, licenceId: string) => {
  const at = new Date('2026-01-01T00:00:00Z');
  const id = newId('decision');
  return {
    licenceEvent: { id, orgId, licenceId, kind: 'issued', actor: 'user_x', at },
    licenceUser: { id, orgId, licenceId, source: 'session', subject: 'ann', lastSeenAt: at },
    licenceSession: { id, orgId, licenceId, startedAt: at, seenAt: at, expiresAt: at },
    accessRuleSet: { id, orgId, appId, version: 1, rules: [], author: 'user_x', createdAt: at },
    decisionSample: {
      id,
      orgId,
      appId,
      licenceId,
      at,
      effect: 'allow',
      code: 'licence_active',
      request: {},
      facts: {},
    },
    oidcIssuer: {
      ...{ id, orgId, name: 'I', issuer: 'https://i', audience: 'a', algorithms: ['ES256'] },
      ...{ mapping: {}, jwksUri: 'https://i/jwks' },
    },
  };
};
type Table = keyof ReturnType<typeof rowsOf>;
const tables = Object.keys(rowsOf('', '', '')) as Table[];

/** The part of Prisma's delegates that these tests use; their own types differ per table. */
interface Delegate {
  create(args: { data: unknown }): Promise<unknown>;
  findMany(): Promise<unknown[]>;
  updateMany(args: { data: unknown }): Promise<unknown>;
  deleteMany(): Promise<unknown>;
}

describe('rows of licences and rules', () => {
  let database: TestDatabase;
  const orgs: { orgId: string; rows: ReturnType<typeof rowsOf> }[] = [];
  const inOrg = <T>(orgId: string, table: Table, work: (delegate: Delegate) => Promise<T>): Promise<T> =>
    database.db.withOrg(orgId, (tx) => work(tx[table] as unknown as Delegate));

  beforeAll(async () => {
    database = await createTestDatabase();
    for (let i = 0; i < 2; i++) {
      const { orgId, appId, licenceId } = await seedLicensee(database.db);
      const rows = rowsOf(orgId, appId, licenceId);
      orgs.push({ orgId, rows });
      for (const table of tables) await inOrg(orgId, table, (rowsOfTable) => rowsOfTable.create({ data: rows[table] }));
    }
  });
  afterAll(() => database.close());

  it.each(tables)('%s: a tenant sees its own and cannot write another’s', async (table) => {
    const [mine, theirs] = orgs as [(typeof orgs)[0], (typeof orgs)[0]];
    expect(await inOrg(mine.orgId, table, (delegate) => delegate.findMany())).toHaveLength(1);
    const foreign = { ...theirs.rows[table], id: newId('decision') };
    await expect(inOrg(mine.orgId, table, (delegate) => delegate.create({ data: foreign }))).rejects.toThrow();
  });

  it.each(['licenceEvent', 'accessRuleSet', 'decisionSample'] as const)(
    '%s: what was written stays as it was',
    async (table) => {
      const { orgId } = orgs[0] as (typeof orgs)[0];
      await expect(inOrg(orgId, table, (delegate) => delegate.updateMany({ data: { orgId } }))).rejects.toThrow();
      await expect(inOrg(orgId, table, (delegate) => delegate.deleteMany())).rejects.toThrow();
      await expect(
        database.db.asSystem((tx) => (tx[table] as unknown as Delegate).updateMany({ data: { orgId } })),
      ).rejects.toThrow();
    },
  );
});
