import { resolve } from 'node:path';
import { loadConfig, SecretText } from '@nm/adapters/config';
import { ensureRoles, migrate } from '@nm/adapters/db';
import { migrateQueue } from '@nm/adapters/queue';
import { z } from 'zod';

const schema = z.object({
  /** A role that owns the database and may create roles. */
  NM_MIGRATION_DATABASE_URL: SecretText,
  /** What the apps will use; its password becomes that of the role nm_app. */
  NM_DATABASE_URL: SecretText,
});

/** migrateDatabase is the deploy step: run it once before the new version's apps start. It may run twice or beside itself. @throws Fault config_invalid */
export async function migrateDatabase(print: (line: string) => void): Promise<void> {
  const env = loadConfig(schema);
  const ownerUrl = env.NM_MIGRATION_DATABASE_URL.reveal();
  await ensureRoles(ownerUrl, env.NM_DATABASE_URL.reveal());
  const applied = await migrate(ownerUrl, resolve(import.meta.dirname, '../../../../prisma'));
  await migrateQueue(ownerUrl);
  print(applied.length ? `Applied: ${applied.join(', ')}` : 'The database is up to date.');
}
