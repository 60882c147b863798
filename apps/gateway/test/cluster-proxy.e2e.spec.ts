import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { recordChange } from '@nm/adapters/db';
import { ContextKeys } from '@nm/features/context';
import { systemClock } from '@nm/kernel/time';
import request from 'supertest';
import { Agent } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { addInstall, issue, makeTenant, setLicence, type Tenant } from './tenant.js';

describe('the cluster proxy', () => {
  let stage: Stage;
  let apiServer: Upstream;
  let acme: Tenant;
  let keys: ContextKeys;
  const agent = new Agent();
  const opened: string[] = [];

  beforeAll(async () => {
    apiServer = await startUpstream((call, response) => {
      if (call.url?.includes('watch=')) response.write('{"type":"ADDED"}\n');
      else response.setHeader('content-type', 'application/json').end('{"kind":"PodList"}');
    });
    stage = await openStage({
      openClusters: () => ({
        forInstall: async (installId) => {
          opened.push(installId);
          return {
            server: new URL(`http://${apiServer.address}/k8s/base/`),
            dispatcher: agent,
            dial: async () => {
              const socket = connect(apiServer.port, '127.0.0.1');
              await once(socket, 'connect');
              return socket;
            },
            authorization: async () => 'Bearer of-the-install',
          };
        },
        refused: () => undefined,
        forget: () => undefined,
        close: () => agent.close(),
      }),
    });
    acme = await makeTenant(stage.database.db, 'acme');
    keys = await ContextKeys.open({ db: stage.database.db, vault: stage.vault, clock: systemClock });
  });
  afterAll(async () => {
    await apiServer.close();
    await stage.close();
  });
  beforeEach(() => {
    apiServer.seen.length = 0;
    opened.length = 0;
  });

  async function tokenFor(mode: 'full' | 'read-only' = 'full', dates = {}) {
    const licence = await issue(stage.database.db, stage.vault, acme, dates);
    const { installId, clusterId } = await addInstall(stage.database.db, acme, licence.id);
    const token = await keys.sign({
      aud: [acme.appId, 'nm-install'],
      sub: licence.id,
      org: 'acme',
      orgId: acme.orgId,
      app: 'guestbook',
      appId: acme.appId,
      version: '1.0.0',
      versionId: acme.versionId,
      mode,
      entitlements: {},
      install: { id: installId, cluster: clusterId, namespace: 'default' },
    });
    return { licence, installId, clusterId, token };
  }
  const path = (clusterId: string, rest = '/api/v1/namespaces/default/pods') => `/clusters/${clusterId}/proxy${rest}`;

  it('forwards with the install’s own credential, and nothing of the caller’s identity', async () => {
    const { token, clusterId, installId } = await tokenFor();
    const answer = await request(stage.url)
      .get(path(clusterId, '/api/v1/pods?labelSelector=a%2Fb'))
      .set({
        ...bearer(token),
        Accept: 'application/json;as=Table',
        'Impersonate-User': 'admin',
        'Impersonate-Extra-X': 'y',
        'X-Remote-User': 'system:admin',
        Cookie: 'a=b',
        'Nm-Context': 'x',
      });
    expect([answer.status, answer.body.kind]).toEqual([200, 'PodList']);
    expect(opened).toEqual([installId]);
    const [seen] = apiServer.seen;
    expect(seen!.url).toBe('/k8s/base/api/v1/pods?labelSelector=a%2Fb');
    expect(seen!.headers).toMatchObject({
      authorization: 'Bearer of-the-install',
      accept: 'application/json;as=Table',
    });
    expect(Object.keys(seen!.headers).join()).not.toMatch(/impersonate|x-remote|cookie|nm-/);
  });

  it('refuses every credential that is not a token of an install of that very cluster, and dials nothing', async () => {
    const mine = await tokenFor();
    const theirs = await tokenFor();
    const plain = await keys.sign({
      aud: [acme.appId],
      sub: mine.licence.id,
      org: 'acme',
      orgId: acme.orgId,
      app: 'guestbook',
      appId: acme.appId,
      version: '1.0.0',
      versionId: acme.versionId,
      mode: 'full',
      entitlements: {},
    });
    for (const [credential, status, code] of [
      [undefined, 401, 'unauthenticated'],
      [mine.licence.key, 401, 'unauthenticated'],
      [plain, 401, 'unauthenticated'],
      [`${mine.token.slice(0, -3)}AAA`, 401, 'unauthenticated'],
      [theirs.token, 404, 'not_found'],
    ] as const) {
      const call = request(stage.url).get(path(mine.clusterId));
      const answer = await (credential === undefined ? call : call.set(bearer(credential)));
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    }
    expect(opened).toEqual([]);
    expect(apiServer.seen).toEqual([]);
  });

  it('lets a read-only token read and nothing else, and decides by the licence of now', async () => {
    const { token, clusterId } = await tokenFor('read-only');
    expect((await request(stage.url).get(path(clusterId)).set(bearer(token))).status).toBe(200);
    const write = await request(stage.url).delete(path(clusterId)).set(bearer(token));
    expect([write.status, write.body.code]).toEqual([403, 'licence_read_only']);
    const full = await tokenFor();
    expect((await request(stage.url).post(path(full.clusterId)).set(bearer(full.token)).send({})).status).toBe(200);
    await setLicence(stage.database.db, acme, full.licence.id, 'suspended');
    await expect
      .poll(async () => (await request(stage.url).get(path(full.clusterId)).set(bearer(full.token))).body.code, {
        timeout: 1000,
      })
      .toBe('licence_suspended');
  });

  it('streams a watch, and cuts it within a second of the revocation', async () => {
    const { token, clusterId, licence } = await tokenFor();
    const call = httpRequest(`${stage.url}${path(clusterId, '/api/v1/pods?watch=true')}`, {
      headers: bearer(token),
    }).end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    expect(String((await once(response, 'data'))[0])).toBe('{"type":"ADDED"}\n');
    const closed = new Promise((resolve) => response.once('close', resolve));
    const started = performance.now();
    await setLicence(stage.database.db, acme, licence.id, 'revoked');
    await closed;
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('knows nothing of an install that is gone', async () => {
    const { token, clusterId, installId } = await tokenFor();
    expect((await request(stage.url).get(path(clusterId)).set(bearer(token))).status).toBe(200);
    await stage.database.db.asSystem(async (tx) => {
      await tx.install.update({ where: { id: installId }, data: { state: 'removed' } });
      await recordChange(tx, { kind: 'install', id: installId, orgId: acme.orgId });
    });
    await expect
      .poll(async () => (await request(stage.url).get(path(clusterId)).set(bearer(token))).body.code, { timeout: 1000 })
      .toBe('not_found');
  });
});
