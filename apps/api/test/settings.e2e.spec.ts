import { createPublicKey } from 'node:crypto';
import { decide, noRules } from '@nm/kernel/licensing';
import { verifyOfflineLicence } from '@nm/kernel/licensing/offline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { Client, makePublisher, type Publisher, versionSpec } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

describe('settings of apps, channels and organisations', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let acme: Publisher;
  let rival: Publisher;
  const at = '/v1/orgs/acme/apps/guestbook';

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database });
    const anyone = new Client(api.url);
    acme = await makePublisher(anyone, 'acme');
    rival = await makePublisher(anyone, 'rival');
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  it('an app says whose pages may call it, what it may use and where to renew; gateways hear of it', async () => {
    const settings = {
      corsOrigins: ['https://console.example.com', 'http://127.0.0.1:3000'],
      limits: { requestsPerSecond: 100, connectionsMax: 50 },
      renewalUrl: 'https://shop.example.com/renew',
    };
    const { body } = await acme.client.patch(at, settings).expect(200);
    expect(body).toMatchObject({ ...settings, kind: 'kama', engines: [], name: 'Guestbook' });
    expect((await acme.client.get(at).expect(200)).body).toEqual(body);
    const licensee = new Client(api.url, acme.licence.key);
    expect((await licensee.get('/v1/licence').expect(200)).body.renewalUrl).toBe(settings.renewalUrl);
    const rows = await database.db.asSystem((tx) => tx.outbox.findMany());
    const last = rows.map(({ payload }) => payload).at(-1);
    expect(last).toMatchObject({ kind: 'app', id: acme.app.id });
    await acme.client.patch(at, { renewalUrl: null }).expect(200);
    await acme.client
      .patch('/v1/orgs/acme', { renewalUrl: 'https://acme.example.com', limits: { concurrency: 9 } })
      .expect(200);
    expect((await licensee.get('/v1/licence').expect(200)).body.renewalUrl).toBe('https://acme.example.com');
    expect((await acme.client.get('/v1/orgs/acme').expect(200)).body.limits).toEqual({ concurrency: 9 });
  });

  it.each([
    ['*'],
    ['https://a.example/'],
    ['https://A.example'],
    ['https://a.example:443'],
    ['null'],
    ['ftp://a.example'],
    ['a.example'],
  ])('400: %s is no origin', async (origin) => {
    await acme.client.patch(at, { corsOrigins: [origin] }).expect(400);
  });

  it('an app uses engines of its own organisation only', async () => {
    await acme.client.post('/v1/orgs/acme/apps', { slug: 'engine', name: 'Engine', kind: 'ktea' }).expect(201);
    await rival.client.post('/v1/orgs/rival/apps', { slug: 'theirs', name: 'Theirs', kind: 'ktea' }).expect(201);
    expect((await acme.client.patch(at, { engines: ['engine'] }).expect(200)).body.engines).toEqual(['engine']);
    for (const engines of [['theirs'], ['guestbook'], ['engine', 'none']])
      await acme.client.patch(at, { engines }).expect(400);
    expect((await acme.client.get(at).expect(200)).body.engines).toEqual(['engine']);
  });

  it('a channel gives a share of the licences the next version, until it is pointed anew', async () => {
    await acme.client
      .post(`${at}/versions`, { name: '1.1.0', spec: { ...versionSpec, encodedSlashes: true } })
      .expect(201);
    const body = { version: '1.0.0', next: { version: '1.1.0', percent: 10 } };
    await acme.client.put(`${at}/channels/stable`, body).expect(409);
    await acme.client.post(`${at}/versions/1.1.0/publish`).expect(200);
    expect((await acme.client.put(`${at}/channels/stable`, body).expect(200)).body).toMatchObject(body);
    await acme.client.post(`${at}/versions/1.1.0/yank`).expect(409);
    await acme.client.put(`${at}/channels/stable`, { ...body, next: { version: '1.1.0', percent: 101 } }).expect(400);
    const { body: ended } = await acme.client.put(`${at}/channels/stable`, { version: '1.1.0' }).expect(200);
    expect(ended.next).toBeUndefined();
    await acme.client.put(`${at}/channels/stable`, { version: '1.0.0' }).expect(200);
  });

  it('an offline licence is verified by the organisation’s public keys alone, and by nobody else’s', async () => {
    const licence = `${at}/licences/${acme.licence.id}`;
    const { body } = await acme.client.post(`${licence}/offline`, { days: 10 }).expect(200);
    const keysOf = async (client: Client, path: string) => {
      const { body: set } = await client.get(path).expect(200);
      return new Map(
        set.keys.map((jwk: { kid: string }) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })] as const),
      ) as Parameters<typeof verifyOfflineLicence>[1]['keys'];
    };
    const keys = await keysOf(acme.client, '/v1/orgs/acme/offline-keys');
    expect([...keys.keys()]).toEqual([body.keyId]);
    expect(await keysOf(new Client(api.url, acme.licence.key), '/v1/licence/offline-keys')).toEqual(keys);
    const nowMs = api.platform.clock.nowMs();
    const { facts } = verifyOfflineLicence(body.licence, { keys, appId: acme.app.id, nowMs });
    const request = { method: 'GET', path: '/', routeClass: 'read', address: '127.0.0.1' } as const;
    expect(decide(noRules, { ...facts, version: '1.0.0', request }, nowMs).code).toBe('licence_active');
    const check = (change: object) => () =>
      verifyOfflineLicence(body.licence, { keys, appId: acme.app.id, nowMs, ...change });
    expect(check({ keys: new Map(), appId: acme.app.id })).toThrow('offline_licence_invalid');
    expect(check({ appId: rival.app.id })).toThrow('offline_licence_invalid');
    expect(check({ nowMs: nowMs + 11 * 86_400_000 })).toThrow('offline_licence_stale');
    const theirs = await keysOf(rival.client, '/v1/orgs/rival/offline-keys');
    expect([...theirs.keys()]).not.toEqual([...keys.keys()]);
    await acme.client.post(`${licence}/suspend`).expect(200);
    await acme.client.post(`${licence}/offline`, {}).expect(409);
    await acme.client.post(`${licence}/resume`).expect(200);
  });
});
