import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { ensureRoles, migrate } from '@nm/adapters/db';
import { migrateQueue } from '@nm/adapters/queue';
import { Fault } from '@nm/kernel/fault';
import { startPostgres } from '@nm/testing';
import pg from 'pg';
import { type DevstackConfig, projectRoot } from './config.js';
import { step } from './progress.js';
import { keptSecret } from './secrets.js';

export interface DevDatabase {
  /** URL of the apps' role. */
  readonly url: string;
  stop(): Promise<void>;
}

/** openDatabase starts the embedded PostgreSQL, or takes the one that `NM_DATABASE_URL` names, and migrates it. */
export async function openDatabase(config: DevstackConfig): Promise<DevDatabase> {
  const server = config.databaseUrl
    ? external(config, config.databaseUrl)
    : await step('PostgreSQL 18 (embedded)', () => embedded(config));
  try {
    await step('migrate', async () => {
      await ensureRoles(server.adminUrl, server.url);
      await migrate(server.adminUrl, join(projectRoot, 'prisma'));
      if (!config.redisUrl) await migrateQueue(server.adminUrl);
    });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

function external(config: DevstackConfig, url: string) {
  if (!config.migrationDatabaseUrl)
    throw new Fault('config_invalid', {
      public:
        'NM_DATABASE_URL is set, and the migrations need a role that owns the database: set NM_MIGRATION_DATABASE_URL too.',
    });
  return { url, adminUrl: config.migrationDatabaseUrl, stop: async () => undefined };
}

async function embedded(config: DevstackConfig) {
  const password = await keptSecret(config.home, 'postgres.password', 18, 'hex');
  const appPassword = await keptSecret(config.home, 'postgres-app.password', 18, 'hex');
  const log = createWriteStream(join(config.home, 'logs', 'postgres.log'), { flags: 'a' });
  const server = await startPostgres({
    dataDir: join(config.home, 'postgres'),
    port: config.postgresPort,
    password,
    onLog: (line) => log.write(line),
  });
  const admin = new URL(server.adminUrl);
  try {
    await createDatabase(admin.href, 'nmachine');
  } catch (error) {
    await server.stop();
    throw error;
  }
  admin.pathname = '/nmachine';
  const app = new URL(admin);
  app.username = 'nm_app';
  app.password = appPassword;
  return { url: app.href, adminUrl: admin.href, stop: server.stop };
}

async function createDatabase(adminUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (!rowCount) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}
