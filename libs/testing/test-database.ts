import { randomBytes } from 'node:crypto';
import { Db } from '@nm/adapters/db';
import pg from 'pg';
import { inject } from 'vitest';

export interface TestDatabase {
  /** URL of `nm_app`, as the apps get it. */
  readonly url: string;
  /** URL of the owner, for migrations and for looking behind row-level security. */
  readonly ownerUrl: string;
  readonly db: Db;
  close(): Promise<void>;
}

/** createTestDatabase clones the migrated template: a fresh, empty database of its own in about 50 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const adminUrl = inject('postgresAdminUrl');
  const name = `t_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  // CREATE DATABASE refuses a template that another session is copying: take turns.
  await admin.query('SELECT pg_advisory_lock(7241002)');
  await admin.query(`CREATE DATABASE ${name} TEMPLATE nm_template`);
  await admin.end();
  const owner = new URL(adminUrl);
  owner.pathname = `/${name}`;
  const app = new URL(owner);
  app.username = 'nm_app';
  app.password = 'test-only';
  const db = new Db({ url: app.href, poolMax: 5 });
  return { url: app.href, ownerUrl: owner.href, db, close: () => db.close() };
}
