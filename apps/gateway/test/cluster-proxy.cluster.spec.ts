import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { recordChange } from '@nm/adapters/db';
import { createLogger } from '@nm/adapters/telemetry';
import { Vault } from '@nm/adapters/vault';
import { type ContextFacts, ContextKeys } from '@nm/features/context';
import type { RbacPolicy } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { systemClock } from '@nm/kernel/time';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../libs/testing/needs.js';
import { openRunLab, type RunLab } from '../../../libs/testing/run-lab.js';
import { type Gateway, startGateway } from '../src/start-gateway.js';
import { type ClusterRelay, startClusterRelay } from './cluster-relay.js';
import { bearer, codeOf, gatewayConfig } from './fixture.js';
import { setLicence } from './tenant.js';

const rbac: RbacPolicy = {
  roles: [
    {
      name: 'app',
      rules: [
        { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
      ],
    },
  ],
  clusterRoles: [],
};

/** An open watch: what it has said so far, and its end. */
interface Watch {
  readonly status: number;
  /** Resolves with the first event of an object of this name, or rejects when the watch ends before. */
  sees(name: string): Promise<{ type: string }>;
  readonly closed: Promise<void>;
  leave(): void;
}

describeWith(['kubernetes'], 'the cluster proxy on a real Kubernetes', () => {
  let lab: RunLab;
  let relay: ClusterRelay;
  let gateway: Gateway;
  let keys: ContextKeys;
  let url: string;
  let clusterId: string;
  let serviceAccount: string;
  let token: string;

  beforeAll(async () => {
    lab = await openRunLab(rbac);
    relay = await startClusterRelay(lab.admin.server);
    const { db } = lab.database;
    ({ clusterId, serviceAccount } = await db.asSystem(async (tx) => {
      const install = await tx.install.findUniqueOrThrow({ where: { id: lab.installId } });
      await tx.cluster.update({ where: { id: install.clusterId }, data: { server: relay.server } });
      return install;
    }));
    gateway = await startGateway(gatewayConfig(lab.database.url), {
      clock: systemClock,
      log: createLogger('gateway', process.env['NM_TEST_LOG'] ?? 'silent'),
    });
    url = `http://127.0.0.1:${gateway.port}`;
    keys = await ContextKeys.open({ db, vault: new Vault(lab.masterKey), clock: systemClock });
    token = await sign();
  }, 180_000);

  afterAll(async () => {
    await gateway?.drain();
    await relay?.close();
    await lab?.close();
  });
  afterEach(() => setState('active'));

  const setState = (state: string) =>
    setLicence(lab.database.db, { orgId: lab.principal.orgId }, lab.principal.licenceId, state);

  const sign = (more: Partial<ContextFacts> = {}, withInstall = true): Promise<string> => {
    const { orgId, appId, licenceId } = lab.principal;
    return keys.sign({
      aud: [appId, 'nm-install'],
      sub: licenceId,
      org: 'acme',
      orgId,
      app: 'guestbook',
      appId,
      version: '1.0.0',
      versionId: newId('version'),
      mode: 'full',
      entitlements: {},
      ...(withInstall ? { install: { id: lab.installId, cluster: clusterId, namespace: lab.namespace } } : {}),
      ...more,
    });
  };

  const maps = (name = '', namespace = lab.namespace, cluster = clusterId) =>
    `/clusters/${cluster}/proxy/api/v1/namespaces/${namespace}/configmaps${name && `/${name}`}`;
  const configMap = (name: string, data = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
  const create = (name: string) => request(url).post(maps()).set(bearer(token)).send(configMap(name)).expect(201);
  const read = (name: string) => request(url).get(maps(name)).set(bearer(token));

  async function watch(query = 'watch=true'): Promise<Watch> {
    const call = httpRequest(`${url}${maps()}?${query}`, { headers: bearer(token) }).end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    let text = '';
    response
      .setEncoding('utf8')
      .on('error', () => undefined)
      .on('data', (chunk: string) => {
        text += chunk;
      });
    let ended = false;
    const closed = new Promise<void>((resolve) => response.once('close', resolve)).then(() => {
      ended = true;
    });
    const find = (name: string) =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { type: string; object: { metadata: { name: string } } })
        .find((event) => event.object.metadata.name === name);
    return {
      status: response.statusCode ?? 0,
      closed,
      leave: () => void call.destroy(),
      sees: async (name) => {
        for (;;) {
          const event = find(name);
          if (event) return event;
          if (ended) throw new Error(`the watch ended without ${name}: ${text}`);
          await delay(5);
        }
      },
    };
  }

  it('creates, reads, patches, lists and deletes what the version’s policy grants', async () => {
    const created = await request(url)
      .post(maps())
      .set(bearer(token))
      .send(configMap('kamafile', { app: '{"a":1}' }));
    expect([created.status, created.body.metadata?.namespace]).toEqual([201, lab.namespace]);
    const merged = await request(url)
      .patch(maps('kamafile'))
      .set({ ...bearer(token), 'content-type': 'application/merge-patch+json' })
      .send(JSON.stringify({ data: { more: 'é' } }));
    expect([merged.status, merged.body.data]).toEqual([200, { app: '{"a":1}', more: 'é' }]);
    const found = await lab.admin.get({ apiVersion: 'v1', kind: 'ConfigMap', name: 'kamafile' }, lab.namespace);
    expect(found?.['data']).toEqual({ app: '{"a":1}', more: 'é' });
    const table = await request(url)
      .get(`${maps()}?fieldSelector=metadata.name%3Dkamafile`)
      .set({ ...bearer(token), accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    expect([table.body.kind, table.body.rows.length]).toEqual(['Table', 1]);
    expect((await request(url).delete(maps('kamafile')).set(bearer(token))).status).toBe(200);
    const gone = await read('kamafile');
    expect([gone.status, gone.body.kind, gone.body.reason]).toEqual([404, 'Status', 'NotFound']);
  });

  it('hands on the cluster’s own refusal of what the policy lacks, and of every other namespace', async () => {
    const secrets = maps().replace('configmaps', 'secrets');
    for (const [method, path] of [
      ['get', secrets],
      ['put', maps('kamafile')],
      ['get', maps('', 'default')],
      ['post', maps('', 'kube-system')],
      ['get', `/clusters/${clusterId}/proxy/api/v1/nodes`],
      ['post', maps().replace('configmaps', `serviceaccounts/${serviceAccount}/token`)],
    ] as const) {
      const answer = await request(url)
        [method](path)
        .set(bearer(token))
        .send(method === 'get' ? undefined : configMap('x'));
      expect([path, answer.status, answer.body.kind, answer.body.reason]).toEqual([path, 403, 'Status', 'Forbidden']);
      expect(answer.body.message).toContain(`system:serviceaccount:${lab.namespace}:${serviceAccount}`);
    }
  });

  it('is the install’s ServiceAccount to the cluster, whatever identity the caller sends', async () => {
    const answer = await request(url)
      .post(`/clusters/${clusterId}/proxy/apis/authentication.k8s.io/v1/selfsubjectreviews`)
      .set({
        ...bearer(token),
        'Impersonate-Extra-Scopes': 'all',
        'X-Remote-User': 'admin',
        'X-Remote-Group': 'system:masters',
      })
      .send({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
    expect(answer.status).toBe(201);
    const { username, groups } = answer.body.status.userInfo;
    expect(username).toBe(`system:serviceaccount:${lab.namespace}:${serviceAccount}`);
    expect([...groups].sort()).toEqual(
      ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${lab.namespace}`].sort(),
    );
  });

  it('opens for a token of this install on this very cluster only, and dials nothing otherwise', async () => {
    const before = relay.opened();
    const other = newId('cluster');
    const elsewhere = { id: lab.installId, cluster: other, namespace: lab.namespace };
    const stranger = { id: newId('install'), cluster: clusterId, namespace: lab.namespace };
    for (const [credential, path, status, code] of [
      [undefined, maps(), 401, 'unauthenticated'],
      ['nonsense', maps(), 401, 'unauthenticated'],
      [await sign({}, false), maps(), 401, 'unauthenticated'],
      [await sign({ aud: [lab.principal.appId] }), maps(), 401, 'unauthenticated'],
      [await sign({ sub: newId('licence') }), maps(), 401, 'unauthenticated'],
      [token, maps('', lab.namespace, other), 404, 'not_found'],
      [await sign({ install: elsewhere }), maps('', lab.namespace, other), 404, 'not_found'],
      [await sign({ install: stranger }), maps(), 404, 'not_found'],
    ] as const) {
      const call = request(url).get(path);
      const answer = await (credential === undefined ? call : call.set(bearer(credential)));
      expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    }
    expect(relay.opened()).toBe(before);
  });

  it('lets a read-only licence read and watch, and write nothing', async () => {
    await create('kept');
    const readOnly = await sign({ mode: 'read-only' });
    expect((await request(url).get(maps('kept')).set(bearer(readOnly))).status).toBe(200);
    for (const method of ['post', 'patch', 'delete'] as const) {
      const path = method === 'post' ? maps() : maps('kept');
      const answer = await request(url)[method](path).set(bearer(readOnly)).send(configMap('other'));
      expect([method, answer.status, codeOf(answer)]).toEqual([method, 403, 'licence_read_only']);
    }
    expect((await read('kept')).status).toBe(200);
    expect((await read('other')).status).toBe(404);
  });

  it('sends a hundred requests in a row over the connection that it has', async () => {
    await create('one');
    const before = relay.opened();
    for (let i = 0; i < 50; i++) {
      await read('one').expect(200);
      await read('absent').expect(404);
    }
    expect(relay.opened() - before).toBe(0);
  });

  it.each(['watch=true', 'watch=1&timeoutSeconds=600'])('streams a change to ?%s as it happens', async (query) => {
    const open = await watch(query);
    expect(open.status).toBe(200);
    // A quiet time shows that events are not held back until something else follows.
    await delay(300);
    const name = `seen-${newId('request').slice(-8)}`;
    await create(name);
    expect((await open.sees(name)).type).toBe('ADDED');
    open.leave();
  });

  it('ends the watch on the cluster when the client leaves', async () => {
    const open = await watch();
    const connections = relay.open();
    open.leave();
    await expect.poll(relay.open).toBeLessThan(connections);
  });

  it('cuts a watch, here and on the cluster, within two seconds of the licence’s suspension', async () => {
    const open = await watch();
    await create('before');
    await open.sees('before');
    const connections = relay.open();
    const startedMs = performance.now();
    await setState('suspended');
    await open.closed;
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await expect.poll(relay.open).toBeLessThan(connections);
    const refused = await read('before');
    expect([refused.status, codeOf(refused)]).toEqual([403, 'licence_suspended']);
    await setState('active');
    await expect.poll(async () => (await read('before')).status).toBe(200);
  });

  it('gets a new token when the cluster refuses the one it has, and cuts no watch for that', async () => {
    const open = await watch();
    await create('early');
    await open.sees('early');
    const account = { apiVersion: 'v1', kind: 'ServiceAccount' };
    await lab.admin.delete({ ...account, name: serviceAccount }, lab.namespace);
    const again = { ...account, metadata: { name: serviceAccount } };
    await lab.admin.apply(again, { namespace: lab.namespace, fieldManager: 'nm-test' });
    // API servers believe a token that they have just checked for ten seconds more.
    await expect.poll(async () => (await read('early')).status, { timeout: 30_000, interval: 200 }).toBe(401);
    await expect.poll(async () => (await read('early')).status).toBe(200);
    await create('late');
    await open.sees('late');
    open.leave();
  }, 60_000);

  it('knows nothing of the install once it is removed, and cuts its watch', async () => {
    const open = await watch();
    const { db } = lab.database;
    const change = (state: string) =>
      db.asSystem(async (tx) => {
        await tx.install.update({ where: { id: lab.installId }, data: { state } });
        await recordChange(tx, { kind: 'install', id: lab.installId, orgId: lab.principal.orgId });
      });
    await change('removed');
    await open.closed;
    await expect.poll(async () => codeOf(await read('early'))).toBe('not_found');
    await change('ready');
    await expect.poll(async () => (await read('early')).status).toBe(200);
  });
});
