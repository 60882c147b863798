import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { recordChange } from '@nm/adapters/db';
import {
  createKubeconfig,
  instanceKubeconfig,
  revokeInstallToken,
  setClusterAccess,
  type TokenDeps,
} from '@nm/features/cluster-access';
import { ContextKeys } from '@nm/features/context';
import { type Clock, systemClock } from '@nm/kernel/time';
import request from 'supertest';
import { Agent } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearer, codeOf, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { addInstall, issue, makeTenant, setInstance, setLicence, type Tenant } from './tenant.js';

describe('the cluster proxy', () => {
  let stage: Stage;
  let apiServer: Upstream;
  let acme: Tenant;
  let keys: ContextKeys;
  const agent = new Agent();
  /** How far the gateway's clock is ahead of everybody else's. */
  let aheadMs = 0;
  const clock: Clock = {
    nowMs: () => systemClock.nowMs() + aheadMs,
    now: () => new Date(systemClock.nowMs() + aheadMs),
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (delayMs, signal) => systemClock.sleep(delayMs, signal),
  };
  const opened: string[] = [];
  /** Upgrades that arrived at the API server. */
  const upgraded: { url: string | undefined; headers: IncomingMessage['headers']; socket: Socket }[] = [];

  beforeAll(async () => {
    apiServer = await startUpstream((call, response) => {
      if (call.url?.includes('watch=')) response.write('{"type":"ADDED"}\n');
      else response.setHeader('content-type', 'application/json').end('{"kind":"PodList"}');
    });
    apiServer.server.on('upgrade', ({ url, headers }: IncomingMessage, socket: Socket) => {
      upgraded.push({ url, headers, socket });
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
      socket.on('data', (chunk) => socket.write(`heard ${chunk}`));
    });
    stage = await openStage({
      clock,
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
    for (const { socket } of upgraded) socket.destroy();
    await apiServer.close();
    await stage.close();
  });
  beforeEach(() => {
    apiServer.seen.length = 0;
    opened.length = 0;
    aheadMs = 0;
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
    expect(Object.keys(seen!.headers).join()).not.toMatch(/impersonate|x-remote|cookie|nm-(?!request-id)/);
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
      expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    }
    expect(opened).toEqual([]);
    expect(apiServer.seen).toEqual([]);
  });

  it('lets a read-only token read and nothing else, and decides by the licence of now', async () => {
    const { token, clusterId } = await tokenFor('read-only');
    expect((await request(stage.url).get(path(clusterId)).set(bearer(token))).status).toBe(200);
    const write = await request(stage.url).delete(path(clusterId)).set(bearer(token));
    expect([write.status, codeOf(write)]).toEqual([403, 'licence_read_only']);
    const full = await tokenFor();
    expect((await request(stage.url).post(path(full.clusterId)).set(bearer(full.token)).send({})).status).toBe(200);
    await setLicence(stage.database.db, acme, full.licence.id, 'suspended');
    await expect
      .poll(async () => codeOf(await request(stage.url).get(path(full.clusterId)).set(bearer(full.token))))
      .toBe('licence_suspended');
  });

  it('lets a suspended licence read where its plan says so, nothing else, and only while nothing else speaks against it', async () => {
    const { db } = stage.database;
    const { token, clusterId, licence } = await tokenFor();
    const ask = async (method: 'get' | 'delete') => {
      const answer = await request(stage.url)[method](path(clusterId)).set(bearer(token));
      return answer.status === 200 ? 'passes' : codeOf(answer);
    };
    const setPlan = (suspendedAccess: string) => db.asSystem((tx) => tx.plan.updateMany({ data: { suspendedAccess } }));
    const change = async (data: object) => {
      await db.asSystem((tx) => tx.licence.update({ where: { id: licence.id }, data }));
      await setLicence(db, acme, licence.id, 'suspended');
    };
    await setPlan('read-only');
    await change({});
    await expect.poll(() => ask('delete')).toBe('licence_suspended');
    expect(await ask('get')).toBe('passes');
    await change({ startsAt: new Date(0), expiresAt: new Date(1_000), grace: [] });
    await expect.poll(() => ask('get')).toBe('licence_expired');
    await setPlan('shut');
  });

  it('streams a watch, and cuts it when the licence is revoked', async () => {
    const { token, clusterId, licence } = await tokenFor();
    const call = httpRequest(`${stage.url}${path(clusterId, '/api/v1/pods?watch=true')}`, {
      headers: bearer(token),
    }).end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    expect(String((await once(response, 'data'))[0])).toBe('{"type":"ADDED"}\n');
    const closed = new Promise((resolve) => response.once('close', resolve));
    await setLicence(stage.database.db, acme, licence.id, 'revoked');
    await closed;
    expect(codeOf(await request(stage.url).get(path(clusterId)).set(bearer(token)))).toBe('licence_revoked');
  });

  it('knows nothing of an install that is gone', async () => {
    const { token, clusterId, installId } = await tokenFor();
    expect((await request(stage.url).get(path(clusterId)).set(bearer(token))).status).toBe(200);
    await stage.database.db.asSystem(async (tx) => {
      await tx.install.update({ where: { id: installId }, data: { state: 'removed' } });
      await recordChange(tx, { kind: 'install', id: installId, orgId: acme.orgId });
    });
    await expect
      .poll(async () => codeOf(await request(stage.url).get(path(clusterId)).set(bearer(token))))
      .toBe('not_found');
  });

  const principalOf = (licenceId: string) => ({ kind: 'licensee' as const, ...acme, licenceId });
  const deps = (): TokenDeps => ({ db: stage.database.db, clock: systemClock, keys, gatewayUrl: stage.url });
  async function lend(seconds = 600) {
    const world = await tokenFor();
    const principal = principalOf(world.licence.id);
    const made = await createKubeconfig(deps(), principal, world.installId, { name: 'mine', seconds, readOnly: false });
    return { ...world, principal, made, token: tokenIn(made.kubeconfig) };
  }
  const tokenIn = (kubeconfig: string) => /token: (\S+)/.exec(kubeconfig)?.[1] ?? '';

  /** openWatch resolves when the watch has begun; `closed` when it has ended. */
  async function openWatch(clusterId: string, token: string) {
    const url = `${stage.url}${path(clusterId, '/api/v1/pods?watch=true')}`;
    const [response] = (await once(httpRequest(url, { headers: bearer(token) }).end(), 'response')) as [
      IncomingMessage,
    ];
    response.on('error', () => undefined).resume();
    expect(response.statusCode).toBe(200);
    return { closed: new Promise<void>((resolve) => response.once('close', () => resolve())) };
  }
  const refusalOf = async (clusterId: string, token: string) => {
    const answer = await request(stage.url).get(path(clusterId)).set(bearer(token));
    return [answer.status, codeOf(answer)];
  };
  const upgrade = (target: string, token: string, more: Record<string, string> = {}) => {
    const headers = { ...bearer(token), connection: 'Upgrade', upgrade: 'SPDY/3.1', ...more };
    return httpRequest(`${stage.url}${target}`, { method: 'POST', headers }).end();
  };
  const exec = '/api/v1/namespaces/default/pods/a/exec?command=sh';

  it('takes a token that was made for it, and nobody else does', async () => {
    const { token, clusterId } = await lend();
    const theirs = await tokenFor();
    expect(await refusalOf(clusterId, token)).toEqual([200, undefined]);
    expect(await refusalOf(theirs.clusterId, token)).toEqual([404, 'not_found']);
    expect((await request(stage.url).get('/kama/acme/guestbook/x').set(bearer(token))).status).toBe(401);
  });

  it('cuts what is open by a token when its time is over', async () => {
    const { token, clusterId } = await lend(600);
    const { closed } = await openWatch(clusterId, token);
    aheadMs = 600_000;
    await closed;
    expect(await refusalOf(clusterId, token)).toEqual([401, 'token_expired']);
  });

  it('cuts what is open by a token when it is revoked or the door is shut', async () => {
    const { token, clusterId, installId, principal, made } = await lend();
    const other = await createKubeconfig(deps(), principal, installId, { name: 'b', seconds: 600, readOnly: false });
    const [revoked, kept] = [await openWatch(clusterId, token), await openWatch(clusterId, tokenIn(other.kubeconfig))];
    await revokeInstallToken(deps(), principal, installId, made.token.id);
    await revoked.closed;
    expect(await refusalOf(clusterId, token)).toEqual([401, 'token_revoked']);
    expect(await refusalOf(clusterId, tokenIn(other.kubeconfig))).toEqual([200, undefined]);
    await setClusterAccess(deps(), principal, installId, { enabled: false });
    await kept.closed;
    expect(await refusalOf(clusterId, tokenIn(other.kubeconfig))).toEqual([403, 'cluster_access_off']);
  });

  it('ends the token of a hosted KAMA with its instance', async () => {
    const { clusterId, installId, licence } = await tokenFor();
    const { db } = stage.database;
    const instanceId = await setInstance(db, acme, { observed: 'ready', desired: 'running' }, installId);
    expect(instanceId).toMatch(/^kin_/);
    const who = { kind: 'install' as const, ...acme, licenceId: licence.id, installId, clusterId };
    const made = await instanceKubeconfig(deps(), { ...who, namespace: 'default', mode: 'full' });
    const token = tokenIn(made.kubeconfig);
    const { closed } = await openWatch(clusterId, token);
    await setInstance(db, acme, { observed: 'stopped', desired: 'stopped' }, installId);
    await closed;
    expect(await refusalOf(clusterId, token)).toEqual([401, 'token_revoked']);
  });

  it('carries any protocol that the API server agrees to, with the install’s own credential, until it is cut', async () => {
    const { token, clusterId, installId, principal } = await lend();
    const call = upgrade(path(clusterId, exec), token, { 'X-Stream-Protocol-Version': 'v5.channel.k8s.io' });
    const [, socket] = (await once(call, 'upgrade')) as [IncomingMessage, Socket];
    socket.on('error', () => undefined);
    socket.write('you');
    expect(String((await once(socket, 'data'))[0])).toBe('heard you');
    expect(upgraded.at(-1)).toMatchObject({
      url: `/k8s/base${exec}`,
      headers: { authorization: 'Bearer of-the-install', 'x-stream-protocol-version': 'v5.channel.k8s.io' },
    });
    const closed = once(socket, 'close');
    const upstreamEnded = once(upgraded.at(-1)!.socket, 'end');
    await setClusterAccess(deps(), principal, installId, { enabled: false });
    await Promise.all([closed, upstreamEnded]);
  });

  it('refuses impersonation and, to a token for reading, every way into a pod', async () => {
    const { token, clusterId } = await lend();
    const reader = (await tokenFor('read-only')).token;
    const readers = clusterIdOf(reader);
    const before = upgraded.length;
    for (const [target, credential, more, code] of [
      [path(clusterId, exec), token, { 'impersonate-user': 'admin' }, 'impersonation_refused'],
      [path(clusterId, exec), token, { 'impersonate-group': 'system:masters' }, 'impersonation_refused'],
      [path(clusterId, exec), token, { 'impersonate-uid': '0' }, 'impersonation_refused'],
      [path(readers, exec), reader, {}, 'licence_read_only'],
      [path(readers, '/api/v1/namespaces/default/pods/a/%65xec'), reader, {}, 'licence_read_only'],
      [path(readers, '/api/v1/namespaces/default/services/a/proxy/x'), reader, {}, 'licence_read_only'],
    ] as const) {
      const [answer] = (await once(upgrade(target, credential, more), 'response')) as [IncomingMessage];
      let text = '';
      for await (const chunk of answer) text += String(chunk);
      expect([target, answer.statusCode, codeOf({ body: JSON.parse(text) })]).toEqual([target, 403, code]);
    }
    expect(upgraded.length).toBe(before);
  });

  it('answers in Kubernetes’ own words', async () => {
    const { clusterId, token } = await tokenFor('read-only');
    const answer = await request(stage.url).delete(path(clusterId)).set(bearer(token));
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'NMachine: This token allows reading only.',
      reason: 'Forbidden',
      details: { causes: [{ reason: 'licence_read_only', message: 'Licence is read-only' }] },
      code: 403,
    });
  });
});

const clusterIdOf = (token: string): string =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).install.cluster;
