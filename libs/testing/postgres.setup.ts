import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureRoles, migrate } from '@nm/adapters/db';
import { migrateQueue } from '@nm/adapters/queue';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startPostgres } from './embedded-postgres.js';
import { freePort } from './free-port.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Superuser URL of the run's PostgreSQL; `nm_template` in it is migrated. */
    postgresAdminUrl: string;
  }
}

const appPassword = 'test-only';

let shared: Promise<{ adminUrl: string; stop: () => Promise<void> }> | undefined;
let users = 0;

async function start() {
  const folder = await mkdtemp(join(tmpdir(), 'nm-test-pg-'));
  const postgres = await startPostgres({
    dataDir: join(folder, 'data'),
    port: await freePort(),
    password: 'postgres',
    volatile: true,
  });
  try {
    await prepareTemplate(postgres.adminUrl);
  } catch (error) {
    await postgres.stop();
    throw error;
  }
  return {
    adminUrl: postgres.adminUrl,
    stop: async () => {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function prepareTemplate(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  await client.query('CREATE DATABASE nm_template');
  await client.end();
  const template = new URL(adminUrl);
  template.pathname = '/nm_template';
  const app = new URL(template);
  app.username = 'nm_app';
  app.password = appPassword;
  await ensureRoles(template.href, app.href);
  await migrate(template.href, join(import.meta.dirname, '../../prisma'));
  await migrateQueue(template.href);
}

/** One PostgreSQL for the whole run, whichever rings take part; each test file makes its own database from the template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  users++;
  shared ??= start();
  const { adminUrl, stop } = await shared;
  project.provide('postgresAdminUrl', adminUrl);
  return async () => {
    if (--users === 0) {
      shared = undefined;
      await stop();
    }
  };
}
