import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Db, ensureRoles, migrate } from '@nm/adapters/db';
import { migrateQueue } from '@nm/adapters/queue';
import { systemClock as clock } from '@nm/kernel/time';
import { type EmbeddedPostgres, startPostgres } from '../../../../libs/testing/embedded-postgres.js';
import { freePort } from '../../../../libs/testing/free-port.js';
import { processAlive } from '../../../../libs/testing/process-alive.js';
import type { TestDatabase } from '../../../../libs/testing/test-database.js';

const password = 'test-only';

/** A PostgreSQL of the storm's own, which may be ended; what it has committed it keeps. */
export interface StormStore {
  readonly database: TestDatabase;
  /** Ends the server and starts it again on its data. @param how `fast` lets nobody finish; `crash` ends without a checkpoint, so that its log is replayed */
  restart(how: 'fast' | 'crash'): Promise<void>;
}

export async function openStormStore(): Promise<StormStore> {
  const folder = await mkdtemp(join(tmpdir(), 'nm-storm-'));
  const options = { dataDir: join(folder, 'data'), port: await freePort(), password };
  let server: EmbeddedPostgres = await startPostgres(options);
  const url = new URL(server.adminUrl);
  url.username = 'nm_app';
  url.password = password;
  await ensureRoles(server.adminUrl, url.href);
  await migrate(server.adminUrl, join(import.meta.dirname, '../../../../prisma'));
  await migrateQueue(server.adminUrl);
  const db = new Db({ url: url.href, poolMax: 5 });
  const close = async () => {
    await db.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    database: { url: url.href, ownerUrl: server.adminUrl, db, close },
    restart: async (how) => {
      if (how === 'fast') await server.stop();
      else await crash(server.pid);
      server = await startPostgres(options);
    },
  };
}

/** SIGQUIT: PostgreSQL's immediate shutdown. */
async function crash(pid: number): Promise<void> {
  process.kill(pid, 'SIGQUIT');
  while (processAlive(pid)) await clock.sleep(20);
}
