import { LocalKeys, rewrap, Vault } from '@nm/adapters/vault';
import type { InstallPrincipal } from '@nm/features/access';
import { newId, randomKeyBytes } from '@nm/kernel/ids';
import { FakeClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedInstall } from '../../testing/seed-install.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { documentPlace, documentsOfInstallMax, readDocument, writeDocument } from './index.js';

describe('what a KAMA remembers of an install', () => {
  const clock = new FakeClock();
  const vault = new Vault(randomKeyBytes(32));
  let database: TestDatabase;
  let mine: InstallPrincipal;
  let others: InstallPrincipal;
  const deps = () => ({ db: database.db, vault, clock });
  const write = (name: string, value: Record<string, unknown>, more: { revision?: number; ttlSeconds?: number } = {}) =>
    writeDocument(deps(), mine, name, { value, ttlSeconds: 3_600, ...more });

  beforeAll(async () => {
    database = await createTestDatabase();
    mine = await seedInstall(database.db);
    others = await seedInstall(database.db);
  });
  afterAll(() => database.close());

  it('is read as it was written, by that install only, and sealed at rest', async () => {
    await write('state.a', { password: 'top-secret' });
    expect(await readDocument(deps(), mine, 'state.a')).toMatchObject({
      revision: 1,
      value: { password: 'top-secret' },
    });
    await expect(readDocument(deps(), others, 'state.a')).rejects.toMatchObject({ code: 'not_found' });
    const rows = await database.db.asSystem((tx) => tx.kamaDocument.findMany());
    expect(Buffer.concat(rows.map(({ sealed }) => Buffer.from(sealed))).toString('latin1')).not.toContain('top-secret');
  });

  it('does not open in the place of another document', async () => {
    await write('state.b', { mine: true });
    await write('state.c', { mine: false });
    const place = (name: string) => ({ installId_name: { installId: mine.installId, name } });
    await database.db.asSystem(async (tx) => {
      const { sealed } = await tx.kamaDocument.findUniqueOrThrow({ where: place('state.b') });
      await tx.kamaDocument.update({ where: place('state.c'), data: { sealed } });
    });
    await expect(readDocument(deps(), mine, 'state.c')).rejects.toMatchObject({ code: 'seal_broken' });
  });

  it('goes on under a new master key: all of them, in batches, and nothing that was written meanwhile is lost', async () => {
    const [oldKey, newKey, root] = [randomKeyBytes(32), randomKeyBytes(32), randomKeyBytes(32)];
    const under = (...keys: Buffer[]) => ({ ...deps(), vault: new Vault(new LocalKeys(keys), root) });
    const names = ['a', 'a.b', 'a/b', 'z'].map((name) => `kept.${name}`);
    const owners = [mine, others];
    const keep = (db: ReturnType<typeof under>, owner: InstallPrincipal, name: string) =>
      writeDocument(db, owner, name, { value: { name, by: owner.installId }, ttlSeconds: 3_600 });
    await database.db.asSystem((tx) => tx.kamaDocument.deleteMany());
    for (const owner of owners) for (const name of names) await keep(under(oldKey), owner, name);
    const { vault: both } = under(newKey, oldKey);
    const place = documentPlace(database.db);
    const [first] = await place.stale(Buffer.from(await both.newestPrefix()), '', 1);
    await keep(under(newKey, oldKey), mine.installId < others.installId ? mine : others, 'kept.a');
    expect(await place.replace(first!, new Uint8Array(1)), 'it was written since').toBe(false);
    const report = { rewrapped: owners.length * names.length - 1, skipped: 0, broken: [] };
    expect(await rewrap({ vault: both, places: [place], batch: 3 })).toEqual(report);
    for (const owner of owners)
      for (const name of names)
        expect((await readDocument(under(newKey), owner, name)).value).toEqual({ name, by: owner.installId });
  });

  it('lets one of two writers win, also the first time', async () => {
    const first = await Promise.allSettled([1, 2, 3].map((n) => write('state.race', { n }, { revision: 0 })));
    expect(first.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const second = await Promise.allSettled([1, 2, 3].map((n) => write('state.race', { n }, { revision: 1 })));
    const lost = second.filter((each) => each.status === 'rejected');
    expect(lost).toHaveLength(2);
    for (const each of lost) expect(each.reason).toMatchObject({ code: 'conflict' });
  });

  it('forgets when the time is over, and then takes a first write again', async () => {
    await write('state.short', { at: 1 }, { ttlSeconds: 60 });
    await clock.advance(61_000);
    await expect(readDocument(deps(), mine, 'state.short')).rejects.toMatchObject({ code: 'not_found' });
    await write('state.short', { at: 2 }, { revision: 0 });
    expect(await readDocument(deps(), mine, 'state.short')).toMatchObject({ value: { at: 2 } });
  });

  it('refuses what is too large, and keeps the newest of too many', async () => {
    await expect(write('state.large', { text: 'x'.repeat(300_000) })).rejects.toMatchObject({ code: 'body_too_large' });
    const sealed = Buffer.from('-');
    const data = Array.from({ length: documentsOfInstallMax }, (_, n) => ({
      orgId: mine.orgId,
      installId: mine.installId,
      name: `old.${newId('run')}`,
      revision: 1,
      sealed,
      expiresAt: new Date(clock.now().getTime() + 1_000 + n),
    }));
    await database.db.asSystem((tx) => tx.kamaDocument.createMany({ data }));
    await write('state.newest', {});
    const kept = await database.db.asSystem((tx) => tx.kamaDocument.count({ where: { installId: mine.installId } }));
    expect(kept).toBe(documentsOfInstallMax);
    expect(await readDocument(deps(), mine, 'state.newest')).toMatchObject({ revision: 1 });
  });
});
