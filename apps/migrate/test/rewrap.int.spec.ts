import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EgressPolicy } from '@nm/adapters/egress';
import { LocalKeys, openVault } from '@nm/adapters/vault';
import type { InstallPrincipal } from '@nm/features/access';
import { ClusterSessions, registerCluster } from '@nm/features/clusters';
import { ContextKeys } from '@nm/features/context';
import { readDocument, writeDocument } from '@nm/features/hub';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { seedInstall } from '../../../libs/testing/seed-install.js';
import { seedLicensee } from '../../../libs/testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';

const run = promisify(execFile);
const main = join(import.meta.dirname, '../../../dist/apps/migrate/src/main.js');
const [oldKey, newKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const policy = new EgressPolicy({ allow: ['127.0.0.0/8'] });

// A program starts slowly on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

let database: TestDatabase;
let folder: string;
let clusterId: string;
let install: InstallPrincipal;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nm-rewrap-'));
  database = await createTestDatabase();
  const vault = await openVault({ db: database.db, keys: new LocalKeys([oldKey]) });
  await ContextKeys.open({ db: database.db, vault, clock });
  const principal = await seedLicensee(database.db);
  const access = { server: 'https://127.0.0.1:1', token: 'kept', allowInsecureTls: false };
  const cluster = await registerCluster({ db: database.db, vault, policy, clock }, principal, { name: 'a', ...access });
  clusterId = cluster.id;
  install = await seedInstall(database.db);
  const document = { value: { kept: true }, ttlSeconds: 3_600 };
  await writeDocument({ db: database.db, vault, clock }, install, 'state', document);
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

const keysOf = (...keys: Buffer[]) => keys.map((key) => key.toString('base64')).join(',');
const rewrap = (env: Record<string, string>) =>
  run(process.execPath, [main, 'rewrap'], { env: { NM_DATABASE_URL: database.url, ...env } });
/** What a process that has only these keys gets to see. */
const tokenUnder = async (...keys: Buffer[]): Promise<string | undefined> => {
  const { db } = database;
  const vault = await openVault({ db, keys: new LocalKeys(keys) });
  await ContextKeys.open({ db, vault, clock });
  const sessions = new ClusterSessions({ db, vault, policy, clock });
  try {
    return await (await sessions.forCluster(clusterId)).authorization();
  } finally {
    await sessions.close();
  }
};

it('the command moves every secret to the first key, and says when the old one may go', async () => {
  await expect(tokenUnder(newKey)).rejects.toMatchObject({ code: 'seal_broken' });
  const { stdout } = await rewrap({ NM_MASTER_KEY: keysOf(newKey, oldKey) });
  expect(stdout).toMatch(/Done: [3-9] secrets rewrapped, 0 were written/);
  expect(stdout).toContain('The other master keys may be taken away.');
  expect(await tokenUnder(newKey)).toBe('Bearer kept');
  await expect(tokenUnder(oldKey)).rejects.toMatchObject({ code: 'seal_broken' });
});

it('what a KAMA remembers opens under the new key', async () => {
  const { db } = database;
  const vault = await openVault({ db, keys: new LocalKeys([newKey]) });
  expect((await readDocument({ db, vault, clock }, install, 'state')).value).toEqual({ kept: true });
});

it('knows every column that holds bytes: what is sealed is swept, what is not is a hash or no secret', async () => {
  const columns = await database.db.asSystem(
    (tx) => tx.$queryRaw<{ name: string }[]>`
      SELECT table_name || '.' || column_name AS name FROM information_schema.columns
       WHERE table_schema = 'public' AND data_type = 'bytea' ORDER BY 1`,
  );
  const sealed = [
    ...['cluster.credential', 'kama_document.sealed', 'run.sealed_plan', 'run_schedule.sealed_plan'],
    ...['signing_key.private_key', 'vault_root.sealed'],
  ];
  const open = columns.map(({ name }) => name).filter((name) => !/hash$/.test(name) && !sealed.includes(name));
  expect(open).toEqual(['bundle.bytes', 'instance.log_tail']);
});

it('again it finds nothing to do; keys may come from a file', async () => {
  const file = join(folder, 'keys');
  await writeFile(file, keysOf(newKey, oldKey).replace(',', '\n'));
  const { stdout } = await rewrap({ NM_MASTER_KEY_FILE: file });
  expect(stdout).toContain('Done: 0 secrets rewrapped');
});

it('ends with 1 when the keys open nothing, and with 2 for a word that it does not know', async () => {
  await expect(rewrap({ NM_MASTER_KEY: keysOf(Buffer.alloc(32, 3)) })).rejects.toMatchObject({ code: 1 });
  await expect(run(process.execPath, [main, 'rewarp'])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('none of: migrate, rewrap'),
  });
});
