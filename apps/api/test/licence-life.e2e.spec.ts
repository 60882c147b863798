import { FirstUses } from '@nm/features/decisions';
import type { IssuedLicence, LicenceEvent } from '@nm/kernel/contracts';
import { FakeClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { makeOwnRows } from './own-rows.js';
import { Client, makePublisher, type Publisher } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

const dayMs = 86_400_000;

describe('the life of a licence', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let anyone: Client;
  let acme: Publisher;
  let ci: Client;
  let actor: string;
  const clock = new FakeClock('2026-06-01T00:00:00Z');
  const at = '/v1/orgs/acme/apps/guestbook/licences';
  const in_ = (days: number) => new Date(clock.nowMs() + days * dayMs).toISOString();

  const issue = async (body: object = {}): Promise<IssuedLicence> =>
    (await ci.post(at, { plan: 'team', customerId: acme.customer.id, ...body }).expect(201)).body;
  const own = async (key: string) => (await anyone.as(key).get('/v1/licence').expect(200)).body;
  const eventsOf = async (id: string): Promise<LicenceEvent[]> =>
    (await ci.get(`${at}/${id}/events`).expect(200)).body.data;

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database, clock });
    anyone = new Client(api.url);
    acme = await makePublisher(anyone, 'acme');
    const { body } = await acme.client.post('/v1/orgs/acme/tokens', { name: 'ci', role: 'admin' }).expect(201);
    ci = anyone.as(body.token);
    actor = body.id;
    await acme.client.post('/v1/orgs/acme/apps/guestbook/plans', { slug: 'large', name: 'Large' }).expect(201);
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  it('grace goes down in steps: full, then reading, then nothing', async () => {
    const grace = [
      { mode: 'full', seconds: 86_400 },
      { mode: 'read-only', seconds: 2 * 86_400 },
    ];
    const { key } = await issue({ startsAt: in_(-1), expiresAt: in_(1), grace });
    const seen = [];
    for (let day = 0; day < 5; day++) {
      const { decision, daysLeft } = await own(key);
      seen.push([daysLeft, decision.effect, decision.code]);
      await clock.advance(dayMs);
    }
    expect(seen).toEqual([
      [1, 'allow', 'licence_active'],
      [0, 'allow', 'licence_grace_full'],
      [-1, 'read-only', 'licence_grace'],
      [-2, 'read-only', 'licence_grace'],
      [-3, 'deny', 'licence_expired'],
    ]);
    await ci.post(at, { plan: 'team', customerId: acme.customer.id, grace, graceSeconds: 5 }).expect(400);
  });

  it('a licence that runs from its first use starts then, once', async () => {
    const { id, key } = await issue({ expiresAfterFirstUseSeconds: 10 * 86_400 });
    await clock.advance(100 * dayMs);
    expect(await own(key)).toMatchObject({
      decision: { code: 'licence_active' },
      expiresAfterFirstUseSeconds: 864_000,
    });
    const uses = [new FirstUses({ db: database.db, clock }), new FirstUses({ db: database.db, clock })];
    const use = async () => {
      for (const gateway of uses) gateway.report(id);
      await expect.poll(async () => (await ci.get(`${at}/${id}`)).body.firstUsedAt, { timeout: 10_000 }).toBeTruthy();
    };
    await use();
    await clock.advance(9 * dayMs);
    await use();
    expect(await own(key)).toMatchObject({ decision: { code: 'licence_active' }, daysLeft: 1 });
    await clock.advance(dayMs);
    expect((await own(key)).decision.code).toBe('licence_expired');
    expect((await eventsOf(id)).map(({ kind, actor: by }) => [kind, by])).toEqual([
      ['issued', actor],
      ['first_used', id],
    ]);
    await ci.post(`${at}/${id}/renew`, { expiresAt: in_(30) }).expect(200);
    expect(await own(key)).toMatchObject({ decision: { code: 'licence_active' }, daysLeft: 30 });
  });

  it('renew: a later end, the same key, on wish another plan; never an earlier one', async () => {
    const { id, key } = await issue({ expiresAt: in_(1) });
    const to = in_(365);
    const { body } = await ci.post(`${at}/${id}/renew`, { expiresAt: to, plan: 'large' }).expect(200);
    expect(body).toMatchObject({ expiresAt: to, plan: 'large', state: 'active' });
    expect((await own(key)).plan.slug).toBe('large');
    for (const expiresAt of [in_(300), to, in_(-1)]) {
      const { body: problem } = await ci.post(`${at}/${id}/renew`, { expiresAt }).expect(400);
      expect(problem.issues).toMatchObject([{ path: 'expiresAt' }]);
    }
    await ci.post(`${at}/${id}/renew`, { expiresAt: in_(400), plan: 'none' }).expect(400);
    await ci.post(`${at}/${id}/renew`, { expiresAt: null }).expect(200);
    expect((await own(key)).expiresAt).toBeUndefined();
    await ci.post(`${at}/${id}/revoke`).expect(200);
    await ci.post(`${at}/${id}/renew`, { expiresAt: null }).expect(409);
    expect((await eventsOf(id)).map(({ kind, detail }) => [kind, detail['to']])).toEqual([
      ['issued', undefined],
      ['renewed', to],
      ['renewed', null],
      ['revoked', undefined],
    ]);
  });

  it('a trial that has ended says so, until it is converted', async () => {
    const { id, key } = await issue({ trial: true, startsAt: in_(-2), expiresAt: in_(-1) });
    expect(await own(key)).toMatchObject({ trial: true, decision: { effect: 'deny', code: 'trial_ended' } });
    await ci.post(`${at}/${id}/convert`, { expiresAt: in_(-1) }).expect(400);
    const { body } = await ci.post(`${at}/${id}/convert`, { expiresAt: in_(365), plan: 'large' }).expect(200);
    expect(body).toMatchObject({ trial: false, plan: 'large' });
    expect((await own(key)).decision.code).toBe('licence_active');
    await ci.post(`${at}/${id}/convert`, { expiresAt: in_(700) }).expect(409);
  });

  it('transfer: the new customer gets a new key, the old one has nothing left', async () => {
    const { id, key } = await issue();
    const { body: session } = await anyone
      .as(key)
      .post('/v1/licence/session', { user: { subject: 'ann' } })
      .expect(200);
    const { body: other } = await ci.post('/v1/orgs/acme/customers', { name: 'Globex' }).expect(201);
    await ci.post(`${at}/${id}/transfer`, { customerId: acme.customer.id }).expect(400);
    await ci.post(`${at}/${id}/transfer`, { customerId: 'cust_0' }).expect(400);
    const { body } = await ci.post(`${at}/${id}/transfer`, { customerId: other.id }).expect(200);
    expect(body.customer).toEqual({ id: other.id, name: 'Globex' });
    await anyone.as(key).get('/v1/licence').expect(401);
    await anyone.as(session.token).get('/v1/licence').expect(401);
    expect(await own(body.key)).toMatchObject({
      customer: 'Globex',
      seats: { users: { used: 0 }, sessions: { used: 0 } },
    });
    const transferred = (await eventsOf(id)).find(({ kind }) => kind === 'transferred');
    expect(transferred?.detail).toEqual({ from: acme.customer.id, to: other.id, installs: 0, users: 1 });
  });

  it('409: a licence with installs is transferred only when they are given up, since they stand on the old customer’s clusters', async () => {
    const { id } = await issue();
    const { install } = await makeOwnRows(database, id);
    const { body: other } = await ci.post('/v1/orgs/acme/customers', { name: 'Hooli' }).expect(201);
    const refused = await ci.post(`${at}/${id}/transfer`, { customerId: other.id }).expect(409);
    expect(refused.body.installs).toEqual([install]);
    const { body } = await ci.post(`${at}/${id}/transfer`, { customerId: other.id, abandonInstalls: true }).expect(200);
    expect((await anyone.as(body.key).get('/v1/installs').expect(200)).body.data).toEqual([]);
    expect((await own(body.key)).seats.installs).toEqual({ used: 0, max: 3 });
  });

  it('each act is in the licence’s events, with who did it', async () => {
    const { id } = await issue();
    for (const act of ['suspend', 'suspend', 'resume', 'rotate', 'revoke']) {
      await clock.advance(1);
      await ci.post(`${at}/${id}/${act}`).expect(200);
    }
    const events = await eventsOf(id);
    expect(events.map(({ kind }) => kind)).toEqual(['issued', 'suspended', 'resumed', 'rotated', 'revoked']);
    expect(new Set(events.map((event) => event.actor))).toEqual(new Set([actor]));
  });

  it('customers carry the publisher’s own id, one each', async () => {
    const { body } = await ci.post('/v1/orgs/acme/customers', { name: 'A', externalId: 'crm-1' }).expect(201);
    expect(body.externalId).toBe('crm-1');
    await ci.post('/v1/orgs/acme/customers', { name: 'B', externalId: 'crm-1' }).expect(409);
    const { body: changed } = await ci
      .patch(`/v1/orgs/acme/customers/${body.id}`, { externalId: null, name: 'AA' })
      .expect(200);
    expect(changed).toEqual({ id: body.id, name: 'AA', createdAt: body.createdAt });
    await ci.post('/v1/orgs/acme/customers', { name: 'B', externalId: 'crm-1' }).expect(201);
    await ci.patch('/v1/orgs/acme/customers/cust_0', { name: 'X' }).expect(404);
  });
});
