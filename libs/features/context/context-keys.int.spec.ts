import { Vault } from '@nm/adapters/vault';
import { installAudience } from '@nm/kernel/contracts';
import { FakeClock } from '@nm/kernel/time';
import { createLocalJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { type ContextFacts, ContextKeys } from './context-keys.js';
import { tendSigningKeys } from './tend-signing-keys.js';

const facts: ContextFacts = {
  aud: ['app_1', installAudience],
  sub: 'lic_1',
  org: 'acme',
  orgId: 'org_1',
  app: 'guestbook',
  appId: 'app_1',
  version: '1.0.0',
  versionId: 'ver_1',
  mode: 'full',
  entitlements: { seats: 5 },
  install: { id: 'inst_1', cluster: 'clu_1', namespace: 'default' },
};

describe('ContextKeys', () => {
  const vault = new Vault(Buffer.alloc(32, 7));
  let database: TestDatabase;
  let owner: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });
  const open = (clock = new FakeClock()) => ContextKeys.open({ db: database.db, vault, clock });

  it('makes exactly one key when several processes start together, and each accepts the tokens of the others', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => open()));
    const { rows } = await owner.query('SELECT private_key FROM signing_key');
    expect(rows).toHaveLength(1);
    expect(rows[0].private_key.toString()).not.toContain('"d"');
    const token = await all[0]!.sign(facts);
    for (const keys of all) expect(await keys.verify(token)).toMatchObject(facts);
  });

  it('gives tokens that live five minutes and verify against the published key set', async () => {
    const clock = new FakeClock();
    const keys = await open(clock);
    const token = await keys.sign(facts);
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...keys.jwks().keys] }), {
      currentDate: clock.now(),
    });
    expect(payload.exp! - payload.iat!).toBe(300);
    await clock.advance(299_000);
    await keys.verify(token);
    await clock.advance(1_000);
    await expect(keys.verify(token)).rejects.toMatchObject({ code: 'token_expired' });
    expect(JSON.stringify(keys.jwks())).not.toContain('"d":');
  });

  it('refuses another audience, another algorithm, no algorithm, another type and a stranger with our key id', async () => {
    const clock = new FakeClock();
    const keys = await open(clock);
    const token = await keys.sign({ ...facts, aud: 'app_1' });
    await expect(keys.verify(token, { audience: installAudience })).rejects.toMatchObject({ code: 'unauthenticated' });
    const kid = keys.jwks().keys[0]!.kid!;
    const { x } = keys.jwks().keys[0]!;
    const claims = { ...facts, iss: 'nmachine', jti: 'x' };
    const made = (header: { alg: string; typ?: string }, key: Parameters<SignJWT['sign']>[0]) =>
      new SignJWT(claims)
        .setProtectedHeader({ typ: 'nm-context+jwt', kid, ...header })
        .setIssuedAt(clock.nowMs() / 1000)
        .setExpirationTime(clock.nowMs() / 1000 + 60)
        .sign(key);
    const stranger = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
    const none = `${Buffer.from(JSON.stringify({ alg: 'none', typ: 'nm-context+jwt', kid })).toString('base64url')}.${token.split('.')[1]}.`;
    const forged = [
      await made({ alg: 'EdDSA' }, stranger.privateKey),
      await made({ alg: 'HS256' }, Buffer.from(x!.padEnd(43), 'base64url')),
      none,
      'x.y.z',
      '',
      `${token.slice(0, -4)}AAAA`,
    ];
    for (const each of forged) await expect(keys.verify(each)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(await exportJWK(stranger.publicKey)).not.toEqual(keys.jwks().keys[0]);
  });

  it('finds a key that another process made later, and does not ask the store for every unknown key id', async () => {
    const clock = new FakeClock();
    const early = await open(clock);
    await owner.query(`UPDATE signing_key SET state = 'retiring'`);
    const late = await open(clock);
    expect(late.jwks().keys).toHaveLength(2);
    const token = await late.sign(facts);
    await expect(early.verify(token)).rejects.toMatchObject({ code: 'unauthenticated' });
    await clock.advance(2_000);
    expect(await early.verify(token)).toMatchObject(facts);
  });

  it('rotates so that every token is good and every key is published before it signs', async () => {
    const clock = new FakeClock('2026-06-01T00:00:00Z');
    await owner.query('DELETE FROM signing_key');
    const keys = await open(clock);
    const kidOf = async (): Promise<string> => decodeProtectedHeader(await keys.sign(facts)).kid!;
    const published = (): string[] => keys.jwks().keys.map(({ kid }) => kid!);
    const tend = async (afterMs?: number): Promise<void> => {
      await tendSigningKeys({ db: database.db, vault, clock }, afterMs);
      await keys.refresh();
    };
    const first = await kidOf();
    await tend();
    expect(published()).toEqual([first]);
    await clock.advance(31 * 86_400_000);
    const old = await keys.sign(facts);
    await tend();
    expect(published()).toHaveLength(2);
    await clock.advance(119_000);
    expect(await kidOf()).toBe(first);
    await clock.advance(2_000);
    const second = await kidOf();
    expect([second === first, published().includes(second)]).toEqual([false, true]);
    expect(await keys.verify(old)).toMatchObject(facts);
    await tend();
    await clock.advance(74 * 60_000);
    await tend();
    expect(published()).toContain(first);
    await clock.advance(2 * 60_000);
    await tend();
    expect(published()).toEqual([second]);
  });
});
