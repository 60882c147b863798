import { recordChange } from '@nm/adapters/db';
import { ContextKeys } from '@nm/features/context';
import { newId } from '@nm/kernel/ids';
import { systemClock } from '@nm/kernel/time';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { addInstall, issue, makeTenant, openSession, setInstance, type Tenant } from './tenant.js';

interface World {
  readonly tenant: Tenant;
  readonly engineId: string;
  readonly engineVersionId: string;
  readonly installId: string;
  readonly clusterId: string;
  readonly key: string;
  readonly credentials: Record<string, Record<string, string>>;
  readonly installToken: string;
}

describe('another tenant’s things on the data plane', () => {
  let stage: Stage;
  let upstream: Upstream;
  let mine: World;
  let theirs: World;

  beforeAll(async () => {
    stage = await openStage();
    upstream = await startUpstream();
    mine = await makeWorld('mine');
    theirs = await makeWorld('theirs');
  });
  afterAll(async () => {
    await stage.close();
    await upstream.close();
  });

  async function makeWorld(org: string): Promise<World> {
    const { db } = stage.database;
    const tenant = await makeTenant(db, org);
    await setInstance(db, tenant, { address: upstream.address });
    const engine = { engineId: newId('app'), engineVersionId: newId('version') };
    await db.asSystem(async (tx) => {
      const { spec } = await tx.appVersion.findUniqueOrThrow({ where: { id: tenant.versionId } });
      const row = { id: engine.engineId, orgId: tenant.orgId, slug: 'engine', name: 'Engine', kind: 'ktea' };
      await tx.app.create({ data: row });
      const ids = { id: engine.engineVersionId, orgId: tenant.orgId, appId: engine.engineId };
      await tx.appVersion.create({
        data: { ...ids, name: '1.0.0', state: 'published', spec: spec ?? {}, digest: 'd' },
      });
      await tx.app.update({ where: { id: tenant.appId }, data: { engines: [engine.engineId] } });
    });
    const engineTenant = { ...tenant, appId: engine.engineId, versionId: engine.engineVersionId };
    await setInstance(db, engineTenant, { address: upstream.address });
    const licence = await issue(db, stage.vault, tenant);
    const install = await addInstall(db, tenant, licence.id);
    const session = await openSession(db, stage.vault, tenant, licence.id);
    const keys = await ContextKeys.open({ db, vault: stage.vault, clock: systemClock });
    const installToken = await keys.sign({
      aud: [tenant.appId, 'nm-install'],
      sub: licence.id,
      org,
      orgId: tenant.orgId,
      app: 'guestbook',
      appId: tenant.appId,
      version: '1.0.0',
      versionId: tenant.versionId,
      mode: 'full',
      entitlements: {},
      install: { id: install.installId, cluster: install.clusterId, namespace: 'default' },
    });
    const credentials = {
      key: bearer(licence.key),
      session: bearer(session.token),
      cookie: { Cookie: `nm_session=${session.token}` },
      'install token': bearer(installToken),
    };
    return { tenant, ...engine, ...install, key: licence.key, credentials, installToken };
  }

  const get = (path: string, headers: Record<string, string>) => request(stage.url).get(path).set(headers);
  const told = (answer: { status: number; text: string; headers: object }) => ({
    status: answer.status,
    text: answer.text,
    names: Object.keys(answer.headers).sort().join(),
  });

  it('lets each credential reach its own app and engine, so that the refusals below mean something', async () => {
    for (const [kind, headers] of Object.entries(mine.credentials))
      for (const path of ['/kama/mine/guestbook/x', '/ktea/mine/engine/1.0.0/values'])
        expect([kind, path, (await get(path, headers)).status]).toEqual([kind, path, 200]);
    expect(upstream.seen.at(-1)!.url).toBe('/values');
  });

  it('gives every kind of credential the same 404, byte for byte, for what is another’s as for what is not there', async () => {
    upstream.seen.length = 0;
    for (const [kind, headers] of Object.entries(mine.credentials)) {
      const absent = told(await get('/kama/nobody/nothing/x', headers));
      expect(absent.status).toBe(404);
      for (const [path, more] of [
        ['/kama/theirs/guestbook/x', {}],
        ['/kama/theirs/guestbook@1.0.0/x', {}],
        ['/kama/theirs/guestbook@9/x', {}],
        ['/kama/theirs/engine/x', {}],
        ['/kama/mine/engine/x', {}],
        ['/kama/mine/guestbook@9/x', {}],
        ['/ktea/theirs/engine/1.0.0/values', {}],
        ['/ktea/theirs/engine/9/values', {}],
        ['/ktea/nobody/nothing/1/values', {}],
        ['/ktea/mine/guestbook/1.0.0/values', {}],
        ['/kama/theirs/guestbook/x', { 'Nm-Install': theirs.installId }],
        ...(kind === 'install token' ? [] : [['/kama/mine/guestbook/x', { 'Nm-Install': theirs.installId }] as const]),
        ...(kind === 'install token' ? [] : [['/kama/mine/guestbook/x', { 'Nm-Install': 'inst_none' }] as const]),
      ] as const)
        expect([kind, path, more, told(await get(path, { ...headers, ...more }))]).toEqual([kind, path, more, absent]);
    }
    expect(upstream.seen).toEqual([]);
  });

  it('does the same with clusters, which take install tokens only', async () => {
    const absent = told(await get(`/clusters/${newId('cluster')}/proxy/api`, bearer(mine.installToken)));
    expect(absent.status).toBe(404);
    const foreign = await get(`/clusters/${theirs.clusterId}/proxy/api`, bearer(mine.installToken));
    expect(told(foreign)).toEqual(absent);
    for (const kind of ['key', 'session', 'cookie'])
      expect((await get(`/clusters/${theirs.clusterId}/proxy/api`, mine.credentials[kind]!)).status).toBe(401);
  });

  it('lets a licence use an engine only while its own app lists it', async () => {
    const { db } = stage.database;
    await db.asSystem(async (tx) => {
      await tx.app.update({ where: { id: mine.tenant.appId }, data: { engines: [] } });
      await recordChange(tx, { kind: 'app', id: mine.tenant.appId, orgId: mine.tenant.orgId });
    });
    await expect.poll(async () => (await get('/ktea/mine/engine/1.0.0/values', bearer(mine.key))).status).toBe(404);
    expect((await get('/kama/mine/guestbook/x', bearer(mine.key))).status).toBe(200);
  });
});
