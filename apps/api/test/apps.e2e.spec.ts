import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { Client, makePublisher, type Publisher, signup, versionSpec } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

describe('publishers ship apps', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let acme: Publisher;
  let rival: Client;
  const at = '/v1/orgs/acme/apps/guestbook';

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database });
    const anyone = new Client(api.url);
    acme = await makePublisher(anyone, 'acme');
    rival = await signup(anyone, 'rival');
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  const changes = async (kind: string) => {
    const rows = await database.db.asSystem((tx) => tx.outbox.findMany({ orderBy: { id: 'asc' } }));
    return rows.map(({ payload }) => payload as { kind: string; id: string }).filter((change) => change.kind === kind);
  };
  const newVersion = async (name: string) => {
    await acme.client.post(`${at}/versions`, { name, spec: versionSpec }).expect(201);
    await acme.client.post(`${at}/versions/${name}/publish`).expect(200);
  };

  it('201: a version is a draft with every default filled in and a digest of its content', async () => {
    const { body } = await acme.client.post(`${at}/versions`, { name: '2.0.0', spec: versionSpec }).expect(201);
    expect(body).toMatchObject({ name: '2.0.0', state: 'draft', spec: { port: 5000, healthPath: '/api/ping' } });
    expect(body.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    const again = await acme.client.get(`${at}/versions/2.0.0`).expect(200);
    expect(again.body).toEqual(body);
  });

  it('200: the first published version became the channel stable, a later one moves nothing', async () => {
    await newVersion('1.1.0');
    const { body } = await acme.client.get(`${at}/channels`).expect(200);
    expect(body.data).toMatchObject([{ name: 'stable', version: '1.0.0' }]);
  });

  it('200: publishing twice changes nothing and is announced once', async () => {
    const first = await acme.client.post(`${at}/versions/2.0.0/publish`).expect(200);
    const before = (await changes('version')).filter(({ id }) => id === first.body.id).length;
    const second = await acme.client.post(`${at}/versions/2.0.0/publish`).expect(200);
    expect(second.body).toEqual(first.body);
    expect((await changes('version')).filter(({ id }) => id === first.body.id)).toHaveLength(before);
  });

  it('200: a channel moves, and the gateways hear of it', async () => {
    const before = (await changes('channel')).length;
    await acme.client.put(`${at}/channels/stable`, { version: '1.1.0' }).expect(200);
    await acme.client.put(`${at}/channels/beta`, { version: '2.0.0' }).expect(200);
    expect(await changes('channel')).toHaveLength(before + 2);
  });

  it('200: lists in pages, each item once and in order', async () => {
    for (let i = 0; i < 5; i++)
      await acme.client.post('/v1/orgs/acme/apps', { slug: `app-${i}`, name: `App ${i}` }).expect(201);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await acme.client.get(`/v1/orgs/acme/apps?limit=2${cursor}`).expect(200);
      expect(body.data.length).toBeLessThanOrEqual(2);
      seen.push(...body.data.map((app: { slug: string }) => app.slug));
      cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : '';
    } while (cursor);
    expect(seen).toEqual(['guestbook', 'app-0', 'app-1', 'app-2', 'app-3', 'app-4']);
  });

  it('200: instances and their log are there to read', async () => {
    const version = await acme.client.get(`${at}/versions/1.0.0`).expect(200);
    const id = newId('instance');
    const { orgId } = await database.db.asSystem((tx) => tx.app.findFirstOrThrow({ where: { id: acme.app.id } }));
    await database.db.asSystem((tx) =>
      tx.instance.create({
        data: {
          id,
          orgId,
          appId: acme.app.id,
          versionId: version.body.id,
          slot: version.body.id,
          desired: 'running',
          observed: 'crashed',
          message: 'exit 1',
          handle: { secret: 'pid' },
          logTail: new Uint8Array(Buffer.from('boom: line 1\nünïcode\n')),
        },
      }),
    );
    const list = await acme.client.get(`${at}/instances`).expect(200);
    expect(list.body.data).toEqual([
      { id, version: '1.0.0', desired: 'running', observed: 'crashed', restarts: 0, message: 'exit 1' },
    ]);
    const log = await acme.client
      .get(`${at}/instances/${id}/logs`)
      .expect(200)
      .expect('content-type', /^text\/plain/);
    expect(log.text).toBe('boom: line 1\nünïcode\n');
    await acme.client.get(`/v1/orgs/acme/apps/app-0/instances/${id}/logs`).expect(404);
  });

  it('400: a spec without image or command, with reserved environment, or with unknown fields', async () => {
    const bad = [
      { kind: 'container' },
      { ...versionSpec, env: { NM_MASTER_KEY: 'x' } },
      { ...versionSpec, privileged: true },
      { ...versionSpec, kind: 'virtual-machine' },
      { ...versionSpec, port: 70_000 },
    ];
    for (const spec of bad) {
      const { body } = await acme.client.post(`${at}/versions`, { name: '9.9.9', spec }).expect(400);
      expect(body).toMatchObject({ code: 'invalid_body', issues: [{ path: expect.stringMatching(/^spec/) }] });
    }
    await acme.client.post('/v1/orgs/acme/apps', { slug: '../etc', name: 'x' }).expect(400);
    await acme.client.get('/v1/orgs/acme/apps?limit=0').expect(400, /invalid_query/);
  });

  it('404: missing and foreign are the same bytes, whatever the route', async () => {
    const missing = await rival.get('/v1/orgs/nobody/apps/guestbook').expect(404);
    const foreign = await rival.get('/v1/orgs/acme/apps/guestbook').expect(404);
    const inOwnOrg = await rival.get('/v1/orgs/rival/apps/guestbook').expect(404);
    const unrouted = await rival.get('/v1/nothing').expect(404);
    for (const other of [foreign, inOwnOrg, unrouted]) expect(other.text).toBe(missing.text);
    expect(missing.headers['x-request-id']).toMatch(/^req_/);
    const names = (headers: object) => Object.keys(headers).sort();
    expect(names(foreign.headers)).toEqual(names(missing.headers));
    await acme.client.post(`${at}/versions/none/publish`).expect(404);
    await acme.client.put(`${at}/channels/stable`, { version: 'none' }).expect(404);
  });

  it('409: names are taken, and a version never changes', async () => {
    const app = await acme.client.post('/v1/orgs/acme/apps', { slug: 'guestbook', name: 'Again' }).expect(409);
    expect(app.body.code).toBe('already_exists');
    await rival.post('/v1/orgs/rival/apps', { slug: 'guestbook', name: 'Their own' }).expect(201);
    const same = await acme.client.post(`${at}/versions`, { name: '1.0.0', spec: versionSpec }).expect(409);
    expect(same.body.code).toBe('already_exists');
    const other = { name: '1.0.0', spec: { ...versionSpec, port: 6000 } };
    const changed = await acme.client.post(`${at}/versions`, other).expect(409);
    expect(changed.body.code).toBe('version_immutable');
  });

  it('409: a draft has no channel; a yanked version does not come back, and not while a channel needs it', async () => {
    await acme.client.post(`${at}/versions`, { name: '3.0.0', spec: versionSpec }).expect(201);
    await acme.client.put(`${at}/channels/stable`, { version: '3.0.0' }).expect(409);
    await acme.client.post(`${at}/versions/3.0.0/yank`).expect(409);
    await acme.client.post(`${at}/versions/1.1.0/yank`).expect(409, /stable/);
    await acme.client.post(`${at}/versions/1.0.0/yank`).expect(200, /"yanked"/);
    await acme.client.post(`${at}/versions/1.0.0/publish`).expect(409);
    await acme.client.put(`${at}/channels/stable`, { version: '1.0.0' }).expect(409);
  });

  it('the database refuses to change a published spec behind the API', async () => {
    const where = { appId_name: { appId: acme.app.id, name: '2.0.0' } };
    const change = database.db.asSystem((tx) => tx.appVersion.update({ where, data: { digest: 'sha256:evil' } }));
    await expect(change).rejects.toThrow(/published and cannot change/);
  });
});
