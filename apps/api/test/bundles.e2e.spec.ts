import { packBundle } from '@nm/kama-sdk';
import { bundleMediaType } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedInstall } from '../../../libs/testing/seed-install.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { Client, makePublisher, type Publisher, signup } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

const packed = (source: string) =>
  packBundle([
    { path: 'descriptors/a.yaml', text: `kind: Supplier\nid: a\nsource: ${source}\n` },
    { path: 'assets/note', text: 'on' },
  ]);
const specOf = (digest: string) => ({ kind: 'bundle', bundle: digest, tenancy: 'app' });

describe('publishers push bundles', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let acme: Publisher;
  let rival: Client;
  const at = '/v1/orgs/acme';
  const push = (client: Client, org: string, { bytes, digest }: { bytes: Buffer; digest: string }) =>
    client.put(`/v1/orgs/${org}/bundles/${digest}`).set('content-type', bundleMediaType).send(bytes.toString('utf8'));

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

  it('200: a push is kept under its digest; again changes nothing, and a version may be made of it', async () => {
    const bundle = packed('1');
    const first = await push(acme.client, 'acme', bundle).expect(200);
    expect(first.body).toMatchObject({ digest: bundle.digest, bytes: bundle.bytes.length, files: 2, warnings: [] });
    const again = await push(acme.client, 'acme', bundle).expect(200);
    expect(again.body.createdAt).toBe(first.body.createdAt);
    await acme.client.get(`${at}/bundles/${bundle.digest}`).expect(200, new RegExp(bundle.digest));
    const version = { name: '5.0.0', spec: specOf(bundle.digest) };
    const { body } = await acme.client.post(`${at}/apps/guestbook/versions`, version).expect(201);
    expect(body.spec).toMatchObject({ kind: 'bundle', bundle: bundle.digest, tenancy: 'app' });
    await acme.client.post(`${at}/apps/guestbook/versions/5.0.0/publish`).expect(200);
  });

  it('400: what the linter refuses, bytes of another digest, another layout, and what is no bundle', async () => {
    const broken = await push(acme.client, 'acme', packed('get::id::nowhere')).expect(400);
    expect(broken.body).toMatchObject({ code: 'bundle_invalid', findings: [{ line: 3, code: 'unknown_reference' }] });
    const [one, two] = [packed('1'), packed('2')];
    await push(acme.client, 'acme', { ...one, digest: two.digest }).expect(400, /names another/);
    const spaced = { ...one, bytes: Buffer.from(one.bytes.toString('utf8').replace(':{', ': {')) };
    await push(acme.client, 'acme', spaced).expect(400, /pack/);
    await acme.client.put(`${at}/bundles/${one.digest}`, { files: {} }).expect(400, /vnd.nmachine.bundle/);
    await acme.client.put(`${at}/bundles/latest`, {}).expect(400);
  });

  it('others are answered while a bundle is tried that takes as long as one can', async () => {
    const values = Array.from({ length: 30 }, (_, n) => n).join(', ');
    const models = Array.from(
      { length: 1_000 },
      (_, n) =>
        `kind: Supplier\nid: s${n}\n${n % 10 ? `inherit: s${n - 1}\n` : ''}source: { a${n % 10}: [${values}] }\n`,
    );
    const large = packBundle([{ path: 'descriptors/a.yaml', text: models.join('---\n') }]);
    await push(acme.client, 'acme', packed('neighbour')).expect(200);
    let [over, answers] = [false, 0];
    const pushed = push(acme.client, 'acme', large)
      .expect(200)
      .then(() => {
        over = true;
      });
    while (!over) {
      await acme.client.get(`${at}/bundles/${packed('neighbour').digest}`).expect(200);
      if (!over) answers += 1;
    }
    await pushed;
    expect(answers).toBeGreaterThanOrEqual(3);
  }, 120_000);

  it('413: more than eight MiB', async () => {
    const { digest } = packed('1');
    await push(acme.client, 'acme', { digest, bytes: Buffer.alloc(8 * 1024 * 1024 + 1, 0x20) }).expect(413);
  });

  it('409: a version of a bundle that was never pushed here, be it that another publisher has it', async () => {
    const bundle = packed('3');
    await push(rival, 'rival', bundle).expect(200);
    const refused = await acme.client
      .post(`${at}/apps/guestbook/versions`, { name: '6.0.0', spec: specOf(bundle.digest) })
      .expect(409);
    expect(refused.body.code).toBe('bundle_missing');
    await acme.client.get(`${at}/bundles/${bundle.digest}`).expect(404);
    await push(rival, 'acme', bundle).expect(404);
  });

  it('400: a bundle has no command, no image, no environment, no health path, and serves every install', async () => {
    const spec = specOf(packed('1').digest);
    for (const wrong of [
      { ...spec, command: ['x'] },
      { ...spec, image: 'x' },
      { ...spec, env: { A: '1' } },
      { ...spec, healthPath: '/x' },
      { ...spec, tenancy: 'install' },
      { kind: 'bundle', tenancy: 'app' },
      { kind: 'container', command: ['x'], bundle: spec.bundle },
    ])
      await acme.client.post(`${at}/apps/guestbook/versions`, { name: '7.0.0', spec: wrong }).expect(400);
  });

  it('what no version names makes room after a day; what one names stays', async () => {
    const [unused, used] = [packed('8'), packed('1')];
    const orgId = (await database.db.asSystem((tx) => tx.org.findFirstOrThrow({ where: { slug: 'acme' } }))).id;
    const old = (digest: string) => ({ orgId, digest, bytes: Buffer.from('-'), files: 1, createdAt: new Date(0) });
    await database.db.asSystem(async (tx) => {
      await tx.bundle.deleteMany({ where: { orgId, digest: used.digest } });
      await tx.bundle.createMany({ data: [old(unused.digest), old(used.digest)] });
    });
    await push(acme.client, 'acme', packed('10')).expect(200);
    await acme.client.get(`${at}/bundles/${unused.digest}`).expect(404);
    await acme.client.get(`${at}/bundles/${used.digest}`).expect(200);
  });

  it('a KAMA gets the bundle of the version that its request is for, and of no other', async () => {
    const install = await seedInstall(database.db);
    const context = (versionId: string) =>
      api.platform.contextKeys.sign({
        aud: [install.appId, 'nm-install'],
        sub: install.licenceId,
        org: 'x',
        orgId: install.orgId,
        app: 'x',
        appId: install.appId,
        version: '1',
        versionId,
        mode: 'read-only',
        entitlements: {},
        install: { id: install.installId, cluster: install.clusterId, namespace: install.namespace },
      });
    const bundle = packed('9');
    const versionId = newId('version');
    const org = { orgId: install.orgId };
    await database.db.asSystem(async (tx) => {
      await tx.bundle.create({ data: { ...org, digest: bundle.digest, bytes: Buffer.from(bundle.bytes), files: 2 } });
      const spec = specOf(bundle.digest);
      const data = { id: versionId, ...org, appId: install.appId, name: '9.0.0', state: 'draft', spec, digest: 'x' };
      await tx.appVersion.create({ data });
    });
    const kama = async (id: string) => new Client(api.url, await context(id)).get('/v1/kama/bundle');
    const { status, body } = await kama(versionId);
    expect([status, body]).toEqual([200, { digest: bundle.digest, bundle: bundle.bytes.toString('utf8') }]);
    const foreign = await database.db.asSystem((tx) => tx.appVersion.findFirst({ where: { name: '5.0.0' } }));
    expect((await kama(foreign?.id ?? '')).status).toBe(404);
    await acme.client.get('/v1/kama/bundle').expect(401);
  });
});
