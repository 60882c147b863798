import { FakeClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { Client, makePublisher, type Publisher } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

const hour = 3_600_000;

describe('publishers issue licences, licensees hold them', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let anyone: Client;
  let acme: Publisher;
  const clock = new FakeClock('2026-06-01T00:00:00Z');
  const at = '/v1/orgs/acme/apps/guestbook/licences';
  let owner: Client;

  const in_ = (ms: number) => new Date(clock.nowMs() + ms).toISOString();
  const loginOwner = async () => {
    const answer = await anyone.post('/v1/auth/login', {
      email: 'acme@example.com',
      password: 'correct horse battery',
    });
    owner = anyone.as(answer.body.accessToken);
  };
  const issue = async (body: object = {}) =>
    (await owner.post(at, { plan: 'team', customerId: acme.customer.id, ...body }).expect(201)).body;
  const decisionOf = async (key: string) => (await anyone.as(key).get('/v1/licence').expect(200)).body.decision;

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database, clock, env: { NM_PUBLIC_GATEWAY_URL: 'https://kama.example.com' } });
    anyone = new Client(api.url);
    acme = await makePublisher(anyone, 'acme');
    owner = acme.client;
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  it('201: the key is in the answer once, and never again', async () => {
    const licence = await issue();
    expect(licence.key).toMatch(/^nml_[0-9a-z]{12}_[0-9a-z]{38}$/);
    const read = await owner.get(`${at}/${licence.id}`).expect(200);
    const list = await owner.get(at).expect(200);
    expect(read.text + list.text).not.toContain(licence.key);
    const row = await database.db.asSystem((tx) => tx.licence.findUniqueOrThrow({ where: { id: licence.id } }));
    expect(JSON.stringify(row)).not.toContain(licence.key.slice(17));
    expect(read.body).toMatchObject({ plan: 'team', app: 'guestbook', state: 'active', customer: { name: 'Initech' } });
  });

  it('200: a licensee sees its own licence and what it grants', async () => {
    const { body } = await anyone.as(acme.licence.key).get('/v1/licence').expect(200);
    expect(body).toMatchObject({
      org: { slug: 'acme' },
      app: { slug: 'guestbook' },
      customer: 'Initech',
      decision: { effect: 'allow', code: 'licence_active' },
      entitlements: { seats: 5 },
      limits: { installsMax: 3 },
      url: 'https://kama.example.com/kama/acme/guestbook',
    });
  });

  it('200: a key becomes a session of fifteen minutes that opens the same, but no further session', async () => {
    const session = await anyone.as(acme.licence.key).post('/v1/licence/session').expect(200);
    const holder = anyone.as(session.body.token);
    await holder.get('/v1/licence').expect(200);
    await holder.post('/v1/licence/session').expect(401);
    await clock.advance(15 * 60_000);
    const late = await holder.get('/v1/licence').expect(401);
    expect(late.body.code).toBe('token_expired');
    await loginOwner();
  });

  it('400: unknown plan, foreign customer, an end before the start: each named', async () => {
    const bad = [
      [{ plan: 'none' }, 'plan'],
      [{ customerId: 'cust_0' }, 'customerId'],
      [{ startsAt: in_(hour), expiresAt: in_(0) }, 'expiresAt'],
      [{ graceSeconds: -1 }, 'graceSeconds'],
    ] as const;
    for (const [change, path] of bad) {
      const { body } = await owner.post(at, { plan: 'team', customerId: acme.customer.id, ...change }).expect(400);
      expect(body).toMatchObject({ code: 'invalid_body', issues: [{ path }] });
    }
  });

  it('401: a wrong, mistyped or half key says nothing about which', async () => {
    const { key } = acme.licence;
    const flipped = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
    const unknown = `nml_${'0'.repeat(12)}_${'0'.repeat(38)}`;
    const bodies = [];
    for (const text of [flipped, unknown, key.slice(0, 40), 'x', `${key}0`]) {
      const { body } = await anyone.as(text).get('/v1/licence').expect(401);
      const { request_id: _, ...rest } = body;
      bodies.push(rest);
    }
    for (const body of bodies) expect(body).toEqual(bodies[0]);
  });

  it('401: a key with a right lookup part and a wrong secret of valid form', async () => {
    const { mintBearerKey } = await import('@nm/kernel/ids');
    const forged = mintBearerKey('licence');
    await database.db.asSystem((tx) =>
      tx.licence.update({ where: { id: acme.licence.id }, data: { keyLookup: forged.lookup } }),
    );
    await anyone.as(forged.text).get('/v1/licence').expect(401);
    await database.db.asSystem((tx) =>
      tx.licence.update({ where: { id: acme.licence.id }, data: { keyLookup: acme.licence.keyLookup } }),
    );
    await anyone.as(acme.licence.key).get('/v1/licence').expect(200);
  });

  it('403: suspended, not started, expired: the licence can be read, and nothing else be done', async () => {
    const suspended = await issue();
    await owner.post(`${at}/${suspended.id}/suspend`).expect(200);
    const later = await issue({ startsAt: in_(hour) });
    const expired = await issue({ startsAt: in_(-2 * hour), expiresAt: in_(-hour) });
    const cases = [
      [suspended.key, 'licence_suspended'],
      [later.key, 'licence_not_started'],
      [expired.key, 'licence_expired'],
    ] as const;
    for (const [key, code] of cases) {
      expect(await decisionOf(key)).toMatchObject({ effect: 'deny', code });
      const { body } = await anyone.as(key).post('/v1/licence/session').expect(403);
      expect(body.code).toBe(code);
    }
  });

  it('grace: a licence that has just ended still opens a session, to read only', async () => {
    const { key } = await issue({ startsAt: in_(-2 * hour), expiresAt: in_(-hour), graceSeconds: 2 * 3600 });
    expect(await decisionOf(key)).toMatchObject({ effect: 'read-only', code: 'licence_grace' });
    await anyone.as(key).post('/v1/licence/session').expect(200);
  });

  it('suspend and resume work from the next request on, and every change is announced', async () => {
    const { id, key } = await issue();
    const { body: session } = await anyone.as(key).post('/v1/licence/session').expect(200);
    await owner.post(`${at}/${id}/suspend`).expect(200);
    await owner.post(`${at}/${id}/suspend`).expect(200);
    expect((await decisionOf(session.token)).code).toBe('licence_suspended');
    await owner.post(`${at}/${id}/resume`).expect(200);
    expect((await decisionOf(key)).code).toBe('licence_active');
    const rows = await database.db.asSystem((tx) => tx.outbox.findMany());
    const mine = rows.filter(({ payload }) => (payload as { id: string }).id === id);
    expect(mine.map(({ payload }) => (payload as { kind: string }).kind)).toEqual(['licence', 'licence', 'licence']);
  });

  it('rotate: the new key works, the old one and its sessions are dead at once', async () => {
    const { id, key } = await issue();
    const { body: session } = await anyone.as(key).post('/v1/licence/session').expect(200);
    const { body: rotated } = await owner.post(`${at}/${id}/rotate`).expect(200);
    await anyone.as(rotated.key).get('/v1/licence').expect(200);
    await anyone.as(key).get('/v1/licence').expect(401);
    await anyone.as(session.token).get('/v1/licence').expect(401);
  });

  it('409: revoked is for good', async () => {
    const { id, key } = await issue();
    await owner.post(`${at}/${id}/revoke`).expect(200);
    await owner.post(`${at}/${id}/revoke`).expect(200);
    for (const act of ['resume', 'suspend', 'rotate']) await owner.post(`${at}/${id}/${act}`).expect(409);
    expect(await decisionOf(key)).toMatchObject({ effect: 'deny', code: 'licence_revoked' });
  });

  it('404: a licence is not found under another app', async () => {
    await owner.post('/v1/orgs/acme/apps', { slug: 'other', name: 'Other' }).expect(201);
    await owner.get(`/v1/orgs/acme/apps/other/licences/${acme.licence.id}`).expect(404);
    await owner.post(`/v1/orgs/acme/apps/other/licences/${acme.licence.id}/revoke`).expect(404);
    expect((await decisionOf(acme.licence.key)).effect).toBe('allow');
  });
});
