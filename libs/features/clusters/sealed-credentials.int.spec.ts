import {
  LocalKeys,
  openVault,
  type RewrapReport,
  rewrap,
  rootPlace,
  type SealedPlace,
  Vault,
} from '@nm/adapters/vault';
import { newId, randomKeyBytes } from '@nm/kernel/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedLicensee } from '../../testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { openCredential, sealCredential } from './credential.js';
import { credentialPlace } from './sealed-credentials.js';

const clusters = 300;
const [oldKey, newKey] = [randomKeyBytes(32), randomKeyBytes(32)];

describe('a new master key', () => {
  let database: TestDatabase;
  let principal: Awaited<ReturnType<typeof seedLicensee>>;
  const keysOf = (...keys: Buffer[]) => openVault({ db: database.db, keys: new LocalKeys(keys) });
  const ids: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    principal = await seedLicensee(database.db);
    const vault = await keysOf(oldKey);
    const { orgId, customerId } = principal;
    const rows = await Promise.all(
      Array.from({ length: clusters }, async (_, index) => {
        const id = newId('cluster');
        ids.push(id);
        const credential = await sealCredential(vault, { id, orgId }, { token: `token of ${id}` });
        return { id, orgId, customerId, name: `c${index}`, server: 'https://x', credential, intake: {} };
      }),
    );
    await database.db.asSystem((tx) => tx.cluster.createMany({ data: rows }));
  });
  afterAll(() => database.close());

  const rowOf = (id: string) => database.db.asSystem((tx) => tx.cluster.findUniqueOrThrow({ where: { id } }));

  it('rewraps everything while readers and writers go on, from where it was stopped', async () => {
    const oldFirst = await keysOf(oldKey, newKey);
    const newFirst = await keysOf(newKey, oldKey);
    const places: SealedPlace[] = [rootPlace(database.db), credentialPlace(database.db)];
    let reads = 0;
    let over = false;
    const reader = async (vault: Vault): Promise<void> => {
      for (let i = reads; !over; i += 7) {
        const row = await rowOf(ids[i % ids.length] as string);
        expect((await openCredential(vault, row)).token).toContain(row.id);
        reads++;
      }
    };
    const written = ids.slice(-5);
    const writer = async (): Promise<void> => {
      for (const id of written) {
        const credential = await sealCredential(newFirst, { id, orgId: principal.orgId }, { token: `again ${id}` });
        await database.db.asSystem((tx) => tx.cluster.update({ where: { id }, data: { credential } }));
      }
    };
    const readers = [reader(oldFirst), reader(newFirst)];
    const stop = new AbortController();
    const seen: RewrapReport[] = [];
    const firstTry = rewrap({
      vault: newFirst,
      places,
      batch: 20,
      signal: stop.signal,
      onBatch: (report) => {
        seen.push({ ...report });
        if (report.rewrapped > 60) stop.abort(new Error('killed'));
      },
    });
    await expect(firstTry).rejects.toThrow('killed');
    await writer();
    const rest = await rewrap({ vault: newFirst, places, batch: 20 });
    over = true;
    await Promise.all(readers);
    expect(reads).toBeGreaterThan(20);
    expect(rest.broken).toEqual([]);
    const before = seen.at(-1)?.rewrapped ?? 0;
    expect(before + rest.rewrapped).toBe(clusters + 1 - written.length);
    expect(await rewrap({ vault: newFirst, places })).toMatchObject({ rewrapped: 0, skipped: 0 });
  });

  it('leaves alone what somebody has written since it was read', async () => {
    const vault = await keysOf(newKey, oldKey);
    const place = credentialPlace(database.db);
    const [id] = ids as [string];
    const { credential } = await rowOf(id);
    const read = { id, sealed: credential as Uint8Array, aad: [] };
    const written = await sealCredential(vault, { id, orgId: principal.orgId }, { token: `token of ${id}` });
    await database.db.asSystem((tx) => tx.cluster.update({ where: { id }, data: { credential: written } }));
    expect(await place.replace(read, new Uint8Array(1))).toBe(false);
    expect((await openCredential(vault, await rowOf(id))).token).toBe(`token of ${id}`);
    expect(await place.replace({ ...read, sealed: written }, written)).toBe(true);
  });

  it('then needs the new key only, and keeps every licence key and session', async () => {
    const vault = await keysOf(newKey);
    for (const id of ids) expect((await openCredential(vault, await rowOf(id))).token).toContain(id);
    expect(vault.subkey('access-token')).toEqual(new Vault(oldKey).subkey('access-token'));
    expect(vault.hashBearerKey('nml_x')).toEqual(new Vault(oldKey).hashBearerKey('nml_x'));
  });

  it('leaves what no key opens, and says so', async () => {
    const id = ids[0] as string;
    await database.db.asSystem((tx) =>
      tx.cluster.update({ where: { id }, data: { credential: new Uint8Array(randomKeyBytes(120)) } }),
    );
    const report = await rewrap({ vault: await keysOf(newKey), places: [credentialPlace(database.db)] });
    expect(report.broken).toEqual([`cluster ${id}`]);
  });

  it('does not open a row that was copied to another tenant', async () => {
    const vault = await keysOf(newKey);
    const source = await rowOf(ids[1] as string);
    const rival = await seedLicensee(database.db);
    const copied = { ...source, orgId: rival.orgId };
    await expect(openCredential(vault, copied)).rejects.toMatchObject({ code: 'seal_broken' });
    await expect(openCredential(vault, { ...source, id: ids[2] as string })).rejects.toMatchObject({
      code: 'seal_broken',
    });
  });

  it('is refused when it is another database’s', async () => {
    await expect(keysOf(randomKeyBytes(32))).rejects.toMatchObject({ code: 'seal_broken' });
  });
});
