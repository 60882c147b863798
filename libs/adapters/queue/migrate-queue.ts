import { runMigrations } from 'bullmq';
import pg from 'pg';

/** The PostgreSQL schema that holds the queues. */
export const queueSchema = 'bullmq';

/**
 * migrateQueue brings the queue's own schema to the version of this BullMQ and lets the apps use it. A deploy step: run it before any worker
 * of the new version starts. It may run twice or beside itself.
 * @param ownerUrl a role that owns the database
 * @param appRoles who works with the queues; tenants' rows are not in there, so no row-level security applies
 */
export async function migrateQueue(
  ownerUrl: string,
  appRoles: readonly string[] = ['nm_app', 'nm_system'],
): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    // Migrators take turns; the lock goes with the connection.
    await client.query('SELECT pg_advisory_lock(7241003)');
    await runMigrations(client, queueSchema);
    await grant(client, appRoles.map((role) => pg.escapeIdentifier(role)).join(', '));
  } finally {
    await client.end();
  }
}

const grantAttemptsMax = 5;

/** A GRANT rewrites catalogue rows that autovacuum may be touching at the same instant; PostgreSQL then refuses it, and it is simply done again. */
async function grant(client: pg.Client, roles: string, attempt = 1): Promise<void> {
  try {
    await client.query(`
      GRANT USAGE ON SCHEMA ${queueSchema} TO ${roles};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${queueSchema} TO ${roles};
      GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA ${queueSchema} TO ${roles};
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${queueSchema} TO ${roles};`);
  } catch (error) {
    if (attempt >= grantAttemptsMax || !/tuple concurrently updated/.test((error as Error).message)) throw error;
    await grant(client, roles, attempt + 1);
  }
}
