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
    await runMigrations(client, queueSchema);
    const roles = appRoles.map((role) => pg.escapeIdentifier(role)).join(', ');
    await client.query(`
      GRANT USAGE ON SCHEMA ${queueSchema} TO ${roles};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${queueSchema} TO ${roles};
      GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA ${queueSchema} TO ${roles};
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${queueSchema} TO ${roles};`);
  } finally {
    await client.end();
  }
}
