import { recordChange } from '@nm/adapters/db';
import { ContextKeys } from '@nm/features/context';
import type { ContextClaims } from '@nm/kernel/contracts';
import { systemClock } from '@nm/kernel/time';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import pg from 'pg';
import request from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { addInstall, issue, makeTenant, openSession, setInstance, setLicence, type Tenant } from './tenant.js';

const day = 86_400_000;
const ago = (ms: number) => new Date(Date.now() - ms);

describe('decisions of the gateway', () => {
  let stage: Stage;
  let upstream: Upstream;
  let acme: Tenant;
  let other: Tenant;
  let owner: pg.Client;

  beforeAll(async () => {
    stage = await openStage();
    upstream = await startUpstream();
    acme = await makeTenant(stage.database.db, 'acme');
    other = await makeTenant(stage.database.db, 'other');
    await setInstance(stage.database.db, acme, { address: upstream.address });
    await setInstance(stage.database.db, other, { address: null, observed: 'stopped', desired: 'stopped' });
    owner = new pg.Client({ connectionString: stage.database.ownerUrl });
    await owner.connect();
  });
  afterAll(async () => {
    await owner.end();
    await stage.close();
    await upstream.close();
  });
  beforeEach(() => {
    upstream.seen.length = 0;
  });
  const get = (path: string, headers: Record<string, string> = {}) => request(stage.url).get(path).set(headers);
  const give = (dates = {}) => issue(stage.database.db, stage.vault, acme, dates);

  it('lets a licensed request through, with context and without the credential', async () => {
    const licence = await give({ expiresAt: new Date('2099-01-01T00:00:00Z') });
    const answer = await get('/kama/acme/guestbook/api/status?a=%2Fb&c', {
      ...bearer(licence.key),
      'Nm-Context': 'forged',
      'Nm-Anything': 'x',
      Appns: 'x',
      Wizns: 'x',
      Ktx: 'x',
      Cookie: 'nm_session=1; theirs=2',
      'X-Forwarded-For': '6.6.6.6',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'nm-licence-state': 'active',
      'nm-licence-expires': '2099-01-01T00:00:00.000Z',
      'x-request-id': expect.stringMatching(/^req_/),
    });
    expect(answer.headers['nm-wake-ms']).toBeUndefined();
    const [seen] = upstream.seen;
    expect(seen!.url).toBe('/api/status?a=%2Fb&c');
    expect(seen!.headers).toMatchObject({
      cookie: 'theirs=2',
      host: upstream.address,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-prefix': '/kama/acme/guestbook',
      'x-request-id': answer.headers['x-request-id'],
      'nm-request-id': answer.headers['x-request-id'],
      via: expect.stringMatching(/^1\.1 nmachine-[0-9a-f]{16}$/),
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    });
    for (const name of ['authorization', 'appns', 'wizns', 'ktx', 'nm-anything'])
      expect(seen!.headers).not.toHaveProperty(name);
    const keys = createRemoteJWKSet(new URL(`${stage.url}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(seen!.headers['nm-context'] as string, keys, { issuer: 'nmachine' });
    expect(payload).toMatchObject({
      sub: licence.id,
      org: 'acme',
      app: 'guestbook',
      appId: acme.appId,
      version: '1.0.0',
      mode: 'full',
      entitlements: { seats: 5 },
      aud: [acme.appId],
    });
  });

  it('answers 401 without a credential and with any that is not one', async () => {
    const { key } = await give();
    const wrong = `${key.slice(0, 20)}${key[20] === '0' ? '1' : '0'}${key.slice(21)}`;
    const answers = await Promise.all([
      get('/kama/acme/guestbook/x'),
      get('/kama/acme/guestbook/x', bearer('nml_')),
      get('/kama/acme/guestbook/x', bearer(wrong)),
      get('/kama/acme/guestbook/x', bearer('a.b.c')),
      get('/kama/acme/guestbook/x', { authorization: `Basic ${key}` }),
      get('/kama/nobody/nothing/x'),
    ]);
    for (const answer of answers) {
      expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated']);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.body).toMatchObject({ error: expect.any(String), reason: expect.any(String) });
    }
    expect(upstream.seen).toEqual([]);
  });

  it('answers the same 404, byte for byte, for an app that is missing and for one of somebody else', async () => {
    const { key } = await give();
    const answers = await Promise.all(
      ['/kama/acme/nothing/x', '/kama/other/guestbook/x', '/kama/nobody/guestbook/x', '/kama/acme/guestbook@9/x'].map(
        (path) => get(path, bearer(key)),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    const names = answers.map(({ headers }) => Object.keys(headers).sort().join());
    expect(new Set(names).size).toBe(1);
  });

  it('gives each denial its code, and starts or touches no instance for it', async () => {
    const denied = {
      licence_expired: await issue(stage.database.db, stage.vault, other, { expiresAt: ago(day) }),
      licence_suspended: await issue(stage.database.db, stage.vault, other, { state: 'suspended' }),
      licence_revoked: await issue(stage.database.db, stage.vault, other, { state: 'revoked' }),
      licence_not_started: await issue(stage.database.db, stage.vault, other, { startsAt: new Date(Date.now() + day) }),
    };
    // Of this app only: uses of the other one by earlier tests are still being written down.
    const instances = async () =>
      (await owner.query('SELECT * FROM instance WHERE org_id = $1 ORDER BY id', [other.orgId])).rows;
    const before = await instances();
    for (const [code, { key }] of Object.entries(denied)) {
      const answer = await get('/kama/other/guestbook/x', bearer(key));
      expect([answer.status, answer.body.code]).toEqual([403, code]);
      expect(answer.body.request_id).toBe(answer.headers['x-request-id']);
    }
    await get('/kama/other/guestbook/x');
    expect(await instances()).toEqual(before);
  });

  it('reads only in the grace period, and says so to the KAMA', async () => {
    const { key } = await give({ expiresAt: ago(1000), graceSeconds: 3600 });
    const read = await get('/kama/acme/guestbook/x', bearer(key));
    expect([read.status, read.headers['nm-licence-state']]).toEqual([200, 'grace']);
    const token = upstream.seen[0]!.headers['nm-context'] as string;
    expect(JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()).mode).toBe('read-only');
    const write = await request(stage.url).post('/kama/acme/guestbook/x').set(bearer(key)).send({ a: 1 });
    expect([write.status, write.body.code]).toEqual([403, 'licence_read_only']);
    expect(upstream.seen).toHaveLength(1);
  });

  it.each(['suspended', 'revoked'])('refuses once the licence is %s', async (state) => {
    const licence = await give();
    expect((await get('/kama/acme/guestbook/x', bearer(licence.key))).status).toBe(200);
    await setLicence(stage.database.db, acme, licence.id, state);
    await expect
      .poll(async () => (await get('/kama/acme/guestbook/x', bearer(licence.key))).body.code)
      .toBe(`licence_${state}`);
  });

  it('refuses the old key and its sessions after its rotation, and takes the new one', async () => {
    const licence = await give();
    const { token: session } = await openSession(stage.database.db, stage.vault, acme, licence.id);
    expect((await get('/kama/acme/guestbook/x', bearer(session))).status).toBe(200);
    expect((await get('/kama/acme/guestbook/x', bearer(licence.key))).status).toBe(200);
    const fresh = await give();
    await stage.database.db.asSystem(async (tx) => {
      const row = await tx.licence.findUniqueOrThrow({ where: { id: fresh.id } });
      await tx.licence.delete({ where: { id: fresh.id } });
      const { keyLookup, keyHash } = row;
      await tx.licence.update({ where: { id: licence.id }, data: { keyLookup, keyHash } });
    });
    await setLicence(stage.database.db, acme, licence.id, 'active');
    await expect.poll(async () => (await get('/kama/acme/guestbook/x', bearer(licence.key))).status).toBe(401);
    expect((await get('/kama/acme/guestbook/x', bearer(session))).status).toBe(401);
    expect((await get('/kama/acme/guestbook/x', bearer(fresh.key))).status).toBe(200);
  });

  it('takes a session until it is ended, and no longer on any gateway', async () => {
    const licence = await give();
    const session = await openSession(stage.database.db, stage.vault, acme, licence.id);
    expect((await get('/kama/acme/guestbook/x', bearer(session.token))).status).toBe(200);
    await stage.database.db.asSystem(async (tx) => {
      await tx.licenceSession.update({ where: { id: session.id }, data: { endedAt: new Date() } });
      await recordChange(tx, { kind: 'session', id: session.id, orgId: acme.orgId });
    });
    await expect.poll(async () => (await get('/kama/acme/guestbook/x', bearer(session.token))).status).toBe(401);
    expect((await get('/kama/acme/guestbook/x', bearer(licence.key))).status).toBe(200);
  });

  it('chooses the install: the only ready one, the named one, never one of another licence', async () => {
    const [one, two, foreign] = [await give(), await give(), await give()];
    const a = await addInstall(stage.database.db, acme, one.id);
    const b = await addInstall(stage.database.db, acme, two.id);
    const c = await addInstall(stage.database.db, acme, two.id);
    const raw = await addInstall(stage.database.db, acme, two.id, 'provisioning');
    const f = await addInstall(stage.database.db, acme, foreign.id);
    expect((await get('/kama/acme/guestbook/x', bearer(one.key))).status).toBe(200);
    const install = (index: number) => {
      const token = upstream.seen[index]!.headers['nm-context'] as string;
      return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
    };
    expect(install(0)).toMatchObject({ install: { id: a.installId, cluster: a.clusterId, namespace: 'default' } });
    expect(install(0).aud).toContain('nm-install');
    const ambiguous = await get('/kama/acme/guestbook/x', bearer(two.key));
    expect([ambiguous.status, ambiguous.body.code]).toEqual([400, 'install_ambiguous']);
    expect(ambiguous.body.installs).toEqual([b.installId, c.installId]);
    expect((await get('/kama/acme/guestbook/x', { ...bearer(two.key), 'Nm-Install': c.installId })).status).toBe(200);
    expect(install(1).install.id).toBe(c.installId);
    const other = await get('/kama/acme/guestbook/x', { ...bearer(two.key), 'Nm-Install': f.installId });
    expect([other.status, other.body.code]).toEqual([404, 'not_found']);
    const early = await get('/kama/acme/guestbook/x', { ...bearer(two.key), 'Nm-Install': raw.installId });
    expect([early.status, early.body.code]).toEqual([409, 'install_not_ready']);
  });

  it('takes the install that a session was opened for where the request names none', async () => {
    const licence = await give();
    const [a, b] = [
      await addInstall(stage.database.db, acme, licence.id),
      await addInstall(stage.database.db, acme, licence.id),
    ];
    const { token } = await openSession(stage.database.db, stage.vault, acme, licence.id, b.installId);
    const plain = await openSession(stage.database.db, stage.vault, acme, licence.id);
    const asked = async (headers: Record<string, string>) => {
      const { status, body } = await get('/kama/acme/guestbook/x', headers);
      if (status !== 200) return body.code;
      const context = upstream.seen.at(-1)!.headers['nm-context'] as string;
      return JSON.parse(Buffer.from(context.split('.')[1]!, 'base64url').toString()).install.id;
    };
    for (let i = 0; i < 3; i++) expect(await asked(bearer(token))).toBe(b.installId);
    expect(await asked({ Cookie: `nm_session=${token}` })).toBe(b.installId);
    expect(await asked({ ...bearer(token), 'Nm-Install': a.installId })).toBe(a.installId);
    expect(await asked(bearer(plain.token))).toBe('install_ambiguous');
    await stage.database.db.asSystem(async (tx) => {
      await tx.install.update({ where: { id: b.installId }, data: { state: 'removed' } });
      await recordChange(tx, { kind: 'install', id: b.installId, orgId: acme.orgId });
    });
    await expect.poll(() => asked(bearer(token))).toBe('not_found');
  });

  it('takes the token of an install for this install, in its mode, and no token that was made for an app alone', async () => {
    const { db } = stage.database;
    const [bare, late] = [await give(), await give({ expiresAt: ago(1000), graceSeconds: 3600 })];
    const { installId } = await addInstall(db, acme, late.id);
    const tokenOf = async (key: string) => {
      expect((await get('/kama/acme/guestbook/x', bearer(key))).status).toBe(200);
      return upstream.seen.at(-1)!.headers['nm-context'] as string;
    };
    const codeOf = async (method: 'get' | 'post', token: string) => {
      const { status, body } = await request(stage.url)[method]('/kama/acme/guestbook/x').set(bearer(token));
      return status === 200 ? 200 : body.code;
    };
    const reading = await tokenOf(late.key);
    await expect.poll(() => codeOf('get', reading)).toBe(200);
    expect(decodeJwt(upstream.seen.at(-1)!.headers['nm-context'] as string)).toMatchObject({
      mode: 'read-only',
      install: { id: installId },
    });
    await db.asSystem((tx) => tx.licence.update({ where: { id: late.id }, data: { expiresAt: null } }));
    await setLicence(db, acme, late.id, 'active');
    await expect.poll(() => codeOf('post', late.key)).toBe(200);
    expect([await codeOf('get', reading), await codeOf('post', reading)]).toEqual([200, 'licence_read_only']);
    expect(await codeOf('get', await tokenOf(bare.key))).toBe('unauthenticated');
    const { iss, iat, exp, jti, ...facts } = decodeJwt<ContextClaims>(reading);
    const keys = await ContextKeys.open({ db, vault: stage.vault, clock: systemClock });
    expect(await codeOf('get', await keys.sign({ ...facts, aud: [acme.appId] }))).toBe('unauthenticated');
    expect(await codeOf('get', await keys.sign(facts))).toBe(200);
  });

  it('refuses path tricks with a code, before it looks at the credential', async () => {
    const { key } = await give();
    for (const path of [
      '/kama/acme//guestbook',
      '/kama/acme/guestbook/%2e%2e/x',
      '/kama/acme/guestbook/a%2Fb',
      '/kama//x',
      '/kama/acme/guestbook/%00',
    ]) {
      const answer = await get(path, bearer(key));
      expect([path, answer.status, answer.body.code]).toEqual([path, 400, 'invalid_path']);
    }
    expect((await get('/kama')).body.code).toBe('not_found');
  });
});
