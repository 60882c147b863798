import type { IssuedLicence, LicenceSession } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { FakeClock } from '@nm/kernel/time';
import { decodeJwt } from 'jose';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { Client, makePublisher, type Publisher } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

describe('sessions of licensees and the seats they take', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let anyone: Client;
  let acme: Publisher;
  /** An API token outlives the 15 minutes of a login. */
  let support: Client;
  const clock = new FakeClock('2026-06-01T00:00:00Z');
  const at = '/v1/orgs/acme/apps/guestbook';

  const licenceOf = async (plan: string, seats: object): Promise<IssuedLicence> => {
    await support.post(`${at}/plans`, { slug: plan, name: plan, limits: { seats } }).expect(201);
    const body = { plan, customerId: acme.customer.id };
    return (await support.post(`${at}/licences`, body).expect(201)).body;
  };
  const open = async (key: string, body: object = {}): Promise<LicenceSession> =>
    (await anyone.as(key).post('/v1/licence/session', body).expect(200)).body;
  const seatsOf = async ({ id }: IssuedLicence) => (await support.get(`${at}/licences/${id}/seats`).expect(200)).body;
  const withCookie = (method: 'get' | 'post' | 'delete', path: string, cookie: string) =>
    request(api.url)[method](path).set('Cookie', cookie);
  const cookieOf = async (key: string): Promise<string> => {
    const answer = await anyone.as(key).post('/v1/licence/session', { cookie: true }).expect(200);
    expect(answer.body.token).toBeUndefined();
    const [header = ''] = answer.headers['set-cookie'] as unknown as string[];
    expect(header).toMatch(/^nm_session=[\w.-]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    return header.split(';')[0] ?? '';
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database, clock });
    anyone = new Client(api.url);
    acme = await makePublisher(anyone, 'acme');
    const { body } = await acme.client.post('/v1/orgs/acme/tokens', { name: 'ci', role: 'admin' }).expect(201);
    support = anyone.as(body.token);
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  it('a heartbeat lets a session go on; without one it is over', async () => {
    const session = await open(acme.licence.key);
    expect(session).toMatchObject({ tokenType: 'Bearer', expiresInSeconds: 900, heartbeatSeconds: 300 });
    await clock.advance(600_000);
    const { body } = await anyone.as(session.token!).post('/v1/licence/session/heartbeat').expect(200);
    expect(body.sessionId).toBe(session.sessionId);
    await clock.advance(600_000);
    await anyone.as(session.token!).get('/v1/licence').expect(401);
    await anyone.as(body.token).get('/v1/licence').expect(200);
  });

  it('no session lives longer than twelve hours, however often it says that it is alive', async () => {
    let { token } = await open(acme.licence.key);
    for (let i = 0; i < 71; i++) {
      await clock.advance(600_000);
      token = (await anyone.as(token!).post('/v1/licence/session/heartbeat').expect(200)).body.token;
    }
    await clock.advance(599_000);
    const { body } = await anyone.as(token!).post('/v1/licence/session/heartbeat').expect(200);
    expect(body.expiresInSeconds).toBe(1);
    await clock.advance(1_000);
    await anyone.as(body.token).post('/v1/licence/session/heartbeat').expect(401);
  });

  it('a session is opened for an install of its own licence, and a heartbeat keeps that', async () => {
    const { id: licenceId, key } = acme.licence;
    const [clusterId, installId] = [newId('cluster'), newId('install')];
    await database.db.asSystem(async (tx) => {
      const { orgId, appId, customerId } = await tx.licence.findUniqueOrThrow({ where: { id: licenceId } });
      const own = { orgId, customerId, name: 'c', server: 'https://127.0.0.1:1', intake: {} };
      await tx.cluster.create({ data: { id: clusterId, ...own } });
      const { id: versionId } = await tx.appVersion.findFirstOrThrow({ where: { appId } });
      const ids = { id: installId, orgId, appId, versionId, licenceId, clusterId };
      await tx.install.create({ data: { ...ids, namespace: 'shop', serviceAccount: 'nm-x', state: 'ready' } });
    });
    const { token } = await open(key, { install: installId });
    const { body } = await anyone.as(token!).post('/v1/licence/session/heartbeat').expect(200);
    for (const text of [token!, body.token]) expect(decodeJwt(text)).toMatchObject({ inst: installId });
    expect(decodeJwt((await open(key)).token!)).not.toHaveProperty('inst');
    const other = await licenceOf('another', {});
    const refused = await anyone.as(other.key).post('/v1/licence/session', { install: installId }).expect(400);
    expect(refused.body).toMatchObject({ code: 'invalid_body', issues: [{ path: 'install' }] });
  });

  it('an ended session opens nothing, and gateways hear of it', async () => {
    const { token, sessionId } = await open(acme.licence.key);
    await anyone.as(token!).delete('/v1/licence/session').expect(204);
    await anyone.as(token!).get('/v1/licence').expect(401);
    await anyone.as(token!).post('/v1/licence/session/heartbeat').expect(401);
    const rows = await database.db.asSystem((tx) => tx.outbox.findMany());
    expect(rows.map(({ payload }) => payload)).toContainEqual(
      expect.objectContaining({ kind: 'session', id: sessionId }),
    );
  });

  it('a session can be ended although its licence was suspended', async () => {
    const licence = await licenceOf('ending', {});
    const { token } = await open(licence.key);
    await support.post(`${at}/licences/${licence.id}/suspend`).expect(200);
    await anyone.as(token!).post('/v1/licence/session/heartbeat').expect(403);
    await anyone.as(token!).delete('/v1/licence/session').expect(204);
  });

  it('429: counted sessions are as many as the plan says, and a seat is free when one ends or falls silent', async () => {
    const licence = await licenceOf('two-sessions', { sessions: 2 });
    const first = await open(licence.key, { client: 'console' });
    await clock.advance(1);
    const second = await open(licence.key);
    expect(first).toMatchObject({ expiresInSeconds: 180, heartbeatSeconds: 60 });
    const full = await anyone.as(licence.key).post('/v1/licence/session').expect(429);
    expect(full.body).toMatchObject({ code: 'seats_exhausted', sessions: 2, sessionsMax: 2 });
    expect(full.headers['retry-after']).toBe('180');
    expect((await seatsOf(licence)).sessions).toMatchObject({
      max: 2,
      used: 2,
      holders: [{ id: first.sessionId, client: 'console' }, { id: second.sessionId }],
    });

    await anyone.as(second.token!).delete('/v1/licence/session').expect(204);
    await open(licence.key);
    await clock.advance(120_000);
    const kept = (await anyone.as(first.token!).post('/v1/licence/session/heartbeat').expect(200)).body;
    await clock.advance(60_001);
    expect((await seatsOf(licence)).sessions.used).toBe(1);
    await open(licence.key);
    await anyone.as(kept.token).get('/v1/licence').expect(200);
  });

  it('never more sessions than seats, however many ask at once', async () => {
    const licence = await licenceOf('five-sessions', { sessions: 5 });
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => anyone.as(licence.key).post('/v1/licence/session')),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(5).fill(200), ...Array(7).fill(429)]);
  });

  it('402: named users are as many as the plan says, until the publisher removes one', async () => {
    const licence = await licenceOf('two-users', { users: 2 });
    const unnamed = await anyone.as(licence.key).post('/v1/licence/session').expect(400);
    expect(unnamed.body.issues).toMatchObject([{ path: 'user' }]);
    const ann = await open(licence.key, { user: { subject: 'ann', email: 'Ann@example.com' } });
    await open(licence.key, { user: { subject: 'ann' } });
    await open(licence.key, { user: { subject: 'ben' } });
    const third = await anyone
      .as(licence.key)
      .post('/v1/licence/session', { user: { subject: 'cem' } })
      .expect(402);
    expect(third.body).toMatchObject({ code: 'user_seats_exhausted', users: 2, usersMax: 2 });

    const { users } = await seatsOf(licence);
    expect(users).toMatchObject({ max: 2, used: 2 });
    const { id } = users.holders.find(({ subject }: { subject: string }) => subject === 'ann');
    await support.delete(`${at}/licences/${licence.id}/users/${id}`).expect(204);
    await support.delete(`${at}/licences/${licence.id}/users/${id}`).expect(404);
    await anyone.as(ann.token!).get('/v1/licence').expect(401);
    await open(licence.key, { user: { subject: 'cem' } });
  });

  it('a publisher ends a session; one of another licence is not found', async () => {
    const licence = await licenceOf('ended', {});
    const { token, sessionId } = await open(licence.key);
    await support.delete(`${at}/licences/${acme.licence.id}/sessions/${sessionId}`).expect(404);
    await anyone.as(token!).get('/v1/licence').expect(200);
    await support.delete(`${at}/licences/${licence.id}/sessions/${sessionId}`).expect(204);
    await anyone.as(token!).get('/v1/licence').expect(401);
  });

  it('a browser holds its session in a cookie: pages of ours may change things, others may not', async () => {
    const cookie = await cookieOf(acme.licence.key);
    await withCookie('get', '/v1/licence', cookie).expect(200);
    const from = (headers: Record<string, string>) =>
      withCookie('post', '/v1/licence/session/heartbeat', cookie).set(headers);
    for (const headers of [
      { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
      { Origin: 'https://evil.example' },
      { 'Sec-Fetch-Site': 'same-site' },
      {},
    ] as Record<string, string>[]) {
      const { body } = await from(headers).expect(403);
      expect(body.code).toBe('csrf_refused');
    }
    await from({ 'Sec-Fetch-Site': 'same-origin' }).expect(200);
    await from({ 'Nm-Csrf': '1' }).expect(200);
    const renewed = await from({ Origin: api.platform.config.publicApiUrl }).expect(200);
    expect(renewed.headers['set-cookie']?.[0]).toMatch(/^nm_session=[\w.-]+;/);
    const ended = await withCookie('delete', '/v1/licence/session', cookie)
      .set('Sec-Fetch-Site', 'same-origin')
      .expect(204);
    expect(ended.headers['set-cookie']?.[0]).toMatch(/^nm_session=; Path=\/; Max-Age=0/);
    await withCookie('get', '/v1/licence', cookie).expect(401);
  });

  it('a cookie opens only what sessions open: no licence key and no publisher’s token is taken from one', async () => {
    await withCookie('get', '/v1/licence', `nm_session=${acme.licence.key}`).expect(401);
    const { body } = await acme.client.post('/v1/auth/login', {
      email: 'acme@example.com',
      password: 'correct horse battery',
    });
    await withCookie('get', '/v1/me', `nm_session=${body.accessToken}`).expect(401);
  });

  it('over https the cookie is bound to the host; over plain http in the open there is none', async () => {
    const tls = await startApi({ database, clock, env: { NM_PUBLIC_API_URL: 'https://api.example.com' } });
    const open_ = await new Client(tls.url)
      .as(acme.licence.key)
      .post('/v1/licence/session', { cookie: true })
      .expect(200);
    expect(open_.headers['set-cookie']?.[0]).toMatch(/^__Host-nm_session=[\w.-]+; .*; Secure$/);
    await tls.close();
    const clear = await startApi({ database, clock, env: { NM_PUBLIC_API_URL: 'http://api.example.com' } });
    await new Client(clear.url).as(acme.licence.key).post('/v1/licence/session', { cookie: true }).expect(409);
    await clear.close();
  });
});
