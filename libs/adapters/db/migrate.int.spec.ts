import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, inject, it } from 'vitest';
import { diffSchema, migrate } from './migrate.js';

const prismaFolder = join(import.meta.dirname, '../../../prisma');

/** Columns, types, defaults and unique indexes, as PostgreSQL itself tells them. */
async function shapeOf(url: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const columns = await client.query(
    `SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name <> '_prisma_migrations' ORDER BY 1, 2`,
  );
  const keys = await client.query(
    `SELECT conrelid::regclass::text AS t, pg_get_constraintdef(oid) AS d FROM pg_constraint WHERE contype IN ('p', 'f', 'u') AND connamespace = 'public'::regnamespace
       AND conrelid::regclass::text <> '_prisma_migrations' ORDER BY 1, 2`,
  );
  await client.end();
  return [...columns.rows, ...keys.rows];
}

async function freshDatabase(): Promise<string> {
  const admin = new pg.Client({ connectionString: inject('postgresAdminUrl') });
  await admin.connect();
  const name = `m_${randomBytes(6).toString('hex')}`;
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  const url = new URL(inject('postgresAdminUrl'));
  url.pathname = `/${name}`;
  return url.href;
}

describe('migrate', () => {
  it('leads to exactly the schema that Prisma generates its client from', async () => {
    const [migrated, declared] = await Promise.all([freshDatabase(), freshDatabase()]);
    await migrate(migrated, prismaFolder);
    const client = new pg.Client({ connectionString: declared });
    await client.connect();
    await client.query(await diffSchema(declared, prismaFolder));
    await client.end();
    expect(await shapeOf(migrated)).toEqual(await shapeOf(declared));
  });

  it('applies nothing the second time', async () => {
    const url = await freshDatabase();
    expect((await migrate(url, prismaFolder)).length).toBeGreaterThan(1);
    expect(await migrate(url, prismaFolder)).toEqual([]);
  });
});
