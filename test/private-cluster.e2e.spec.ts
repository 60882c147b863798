import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { Vault } from '@nm/adapters/vault';
import { ContextKeys } from '@nm/features/context';
import type {
  AgentManifest,
  AgentStatus,
  AgentToken,
  ClusterCheck,
  Install,
  RegisteredCluster,
  Run,
  RunPlan,
} from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { type StartedApi, startApi, testMasterKey } from '../apps/api/test/start-api.js';
import { type IssuedLicence, issue, makeTenant, type Tenant } from '../apps/gateway/test/tenant.js';
import { adminTarget } from '../libs/testing/admin-target.js';
import { describeWith } from '../libs/testing/needs.js';
import { createTestDatabase, type TestDatabase } from '../libs/testing/test-database.js';
import { type AppProcess, startAppProcess } from './app-process.js';

type Step = RunPlan['steps'][number];
const patience = { timeout: 60_000, interval: 100 };
const verbs = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const rbac = {
  roles: [
    {
      name: 'app',
      rules: [
        { apiGroups: [''], resources: ['configmaps'], verbs },
        { apiGroups: [''], resources: ['services/proxy'], verbs: ['get'] },
      ],
    },
  ],
  clusterRoles: [],
};

const configMap = (name: string, value = name) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { value },
});
const refOf = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name });
const apply = (...names: string[]): Step => ({
  kind: 'apply',
  title: 'Apply',
  manifests: names.map((name) => configMap(name)),
});
/** Holds a run until the test makes the object. */
const gate = (name: string): Step => ({ kind: 'await', title: 'Gate', refs: [refOf(name)], timeoutSeconds: 110 });

/** A port of this machine that the API server may proxy to: it refuses loopback. */
const ownAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

describeWith(['kubernetes'], 'an install on a cluster that only dials out, every app a process of its own', () => {
  const namespace = `priv-${newId('request').slice(-10)}`;
  const processes: AppProcess[] = [];
  const agents = new Map<string, AppProcess>();
  let folder: string;
  let database: TestDatabase;
  let api: StartedApi;
  let admin: KubeSession;
  let tenant: Tenant;
  let licence: IssuedLicence;
  let cluster: RegisteredCluster;
  let install: Install;
  let agentPort: number;
  /** The gateway that holds the tunnels, and one that holds none. */
  let holder: AppProcess;
  let proxyUrl: string;
  let installToken: string;

  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const headers = { authorization: `Bearer ${licence.key}`, 'content-type': 'application/json' };
    const answer = await fetch(`${api.url}/v1${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    expect(answer.status, `${method} ${path}: ${text}`).toBeLessThan(300);
    return (text ? JSON.parse(text) : undefined) as T;
  };
  const start = (app: string, env: Readonly<Record<string, string>>): AppProcess => {
    const started = startAppProcess(app, env);
    processes.push(started);
    return started;
  };
  const ours = () => ({
    NM_DATABASE_URL: database.url,
    NM_MASTER_KEY: testMasterKey.toString('base64'),
    // No private address may be dialled: what arrives at the cluster came through a tunnel.
    NM_DRAIN_MS: '500',
  });
  const gateway = async (env: Readonly<Record<string, string>>) => {
    const started = start('gateway', { ...ours(), NM_GATEWAY_PORT: '0', ...env });
    return { started, line: await started.says('gateway is listening') };
  };
  const startAgent = async (replica: string, env: Readonly<Record<string, string>> = {}): Promise<AppProcess> => {
    const server = new URL((await adminTarget()).server);
    const agent = start('agent', {
      NM_AGENT_URL: `ws://127.0.0.1:${agentPort}`,
      NM_AGENT_TOKEN_FILE: join(folder, 'agent-token'),
      NM_AGENT_NAME: replica,
      NM_AGENT_SERVER: server.origin,
      NM_AGENT_KUBE_TOKEN_FILE: join(folder, 'token'),
      NM_AGENT_KUBE_CA_FILE: join(folder, 'ca.crt'),
      KUBERNETES_SERVICE_HOST: server.hostname,
      KUBERNETES_SERVICE_PORT: server.port,
      NM_AGENT_LOOK_MS: '200',
      NM_DRAIN_MS: '500',
      ...env,
    });
    agents.set(replica, agent);
    return agent;
  };
  const replicas = async () => (await call<AgentStatus>('GET', `/clusters/${cluster.id}/agent`)).replicas;
  const connected = (...names: string[]) =>
    vi.waitFor(
      async () => expect((await replicas()).map(({ replica }) => replica).sort()).toEqual(names.sort()),
      patience,
    );
  const keepToken = async (token: string) => {
    await writeFile(join(folder, 'agent-token.new'), `${token}\n`);
    await rename(join(folder, 'agent-token.new'), join(folder, 'agent-token'));
  };
  const queue = async (steps: Step[], timeoutSeconds = 120) =>
    (await call<Run>('POST', '/runs', { action: 'test', title: 'Test', plan: { steps }, timeoutSeconds })).id;
  const read = (id: string) => call<Run>('GET', `/runs/${id}`);
  const status = async (id: string) => (await read(id)).status;
  const ended = async (id: string) => {
    await expect.poll(() => status(id), patience).not.toMatch(/queued|running/);
    return read(id);
  };
  const made = (name: string) => admin.get(refOf(name), namespace);
  const proxied = (path: string, init: RequestInit = {}) =>
    fetch(`${proxyUrl}/clusters/${cluster.id}/proxy${path}`, {
      ...init,
      headers: { authorization: `Bearer ${installToken}`, ...init.headers },
    });
  /** Reads an object again and again; each answer as its status, or the code of what was refused. */
  const readOn = () => {
    const seen: string[] = [];
    let isOn = true;
    const loop = (async () => {
      while (isOn) {
        const answer = await proxied(maps('/proxied'));
        const { code } = (await answer.json()) as { code?: string };
        seen.push(answer.status === 200 ? '200' : String(code));
      }
    })();
    return {
      end: async () => {
        isOn = false;
        await loop;
        return seen;
      },
    };
  };
  const maps = (more = '') => `/api/v1/namespaces/${namespace}/configmaps${more}`;
  const metric = async (port: number, name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name} `));
    return Number(line?.split(' ').at(-1));
  };

  /** A Service whose one pod has that address, as the API server wants it: it proxies to nothing but pods. */
  async function serveAt(ip: string, port: number): Promise<void> {
    const securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    };
    const spec = { schedulerName: 'nobody', containers: [{ name: 'web', image: 'web', securityContext }] };
    const metadata = { name: 'web', namespace };
    await admin.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec }, { fieldManager: 'test' });
    const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] };
    await admin.request('PATCH', `/api/v1/namespaces/${namespace}/pods/web/status`, {
      contentType: 'application/merge-patch+json',
      body: { status },
    });
    await admin.apply(
      { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }] } },
      { fieldManager: 'test' },
    );
    const targetRef = { kind: 'Pod', name: 'web', namespace };
    const subsets = [{ addresses: [{ ip, targetRef }], ports: [{ port }] }];
    await admin.apply({ apiVersion: 'v1', kind: 'Endpoints', metadata, subsets }, { fieldManager: 'test' });
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nm-private-'));
    database = await createTestDatabase();
    const target = await adminTarget();
    admin = new KubeSession(target, { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
    tenant = await makeTenant(database.db, 'acme', { rbac });
    const vault = new Vault(testMasterKey);
    licence = await issue(database.db, vault, tenant);
    const held = await gateway({ NM_AGENT_PORT: '0' });
    holder = held.started;
    agentPort = held.line['agentPort'] as number;
    const [{ line }] = await Promise.all([gateway({}), start('worker', ours()).says('worker started')]);
    proxyUrl = `http://127.0.0.1:${line['port']}`;
    api = await startApi({ database, env: { NM_PUBLIC_AGENT_URL: `ws://127.0.0.1:${agentPort}` } });
    cluster = await call('POST', '/clusters', { name: 'private', agent: true });
    await keepToken(cluster.agentToken ?? '');
    const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    const home = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: restricted } };
    await admin.apply(home, { fieldManager: 'test' });
    const { items } = await call<AgentManifest>('GET', `/clusters/${cluster.id}/agent-manifest?namespace=${namespace}`);
    for (const item of items) await admin.apply(item, { fieldManager: 'kubectl' });
    await writeFile(join(folder, 'token'), (await admin.requestToken(namespace, 'nmachine-agent', 3_600)).token);
    await writeFile(join(folder, 'ca.crt'), target.ca ?? '');
    await Promise.all([startAgent('one'), startAgent('two')]);
    await connected('one', 'two');
    install = await call('POST', '/installs', { clusterId: cluster.id, namespace });
    const state = async () => (await call<Install>('GET', `/installs/${install.id}`)).state;
    await vi.waitFor(async () => expect(await state()).not.toBe('provisioning'), patience);
    const keys = await ContextKeys.open({ db: database.db, vault, clock });
    installToken = await keys.sign({
      ...{ aud: [tenant.appId, 'nm-install'], sub: licence.id, org: tenant.org, orgId: tenant.orgId },
      ...{ app: 'guestbook', appId: tenant.appId, version: '1.0.0', versionId: tenant.versionId },
      ...{ mode: 'full', entitlements: {} },
      install: { id: install.id, cluster: cluster.id, namespace },
    });
  }, 240_000);

  afterEach(({ task }) => {
    if (task.result?.state !== 'fail') return;
    for (const { child, output } of processes) console.error(child.spawnargs.at(-1), output().slice(-4_000));
  });
  afterAll(async () => {
    await Promise.all(processes.map((started) => started.end('SIGKILL')));
    await api?.close();
    await admin?.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    await admin?.close();
    await database?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('is prepared through the tunnel, by an identity that has exactly the rights it needs', async () => {
    expect((await call<Install>('GET', `/installs/${install.id}`)).state).toBe('ready');
    const check = await call<ClusterCheck>('POST', `/clusters/${cluster.id}/check`, { namespace });
    expect(check.permissions.filter(({ allowed }) => !allowed)).toEqual([]);
    const agent = admin.as({ user: `system:serviceaccount:${namespace}:nmachine-agent` });
    for (const [verb, group, resource, where] of [
      ['get', '', 'secrets', namespace],
      ['create', '', 'pods', namespace],
      ['get', '', 'configmaps', 'kube-system'],
      ['escalate', 'rbac.authorization.k8s.io', 'roles', namespace],
    ] as const)
      expect(await agent.can({ verb, group, resource, namespace: where }), resource).toMatchObject({ allowed: false });
  });

  it('its manifest runs under Pod Security "restricted"', async () => {
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nmachine-agent' };
    const available = async () =>
      ((await admin.get(ref, namespace)) as { status?: { availableReplicas?: number; conditions?: unknown } }).status;
    // Pods of the fake nodes run without an image and without the Secret; the API server has admitted them all the same.
    await expect.poll(available, patience).toMatchObject({ replicas: 2 });
    const { items } = await admin.list({ apiVersion: 'v1', kind: 'Pod', namespace });
    expect(items.filter(({ metadata }) => metadata?.name?.startsWith('nmachine-agent-')).length).toBe(2);
  });

  it('runs apply, await, wait-for-http and delete, worker and tunnel in different processes', async () => {
    const address = ownAddress();
    const server: Server = createServer((_, response) => response.writeHead(204).end());
    const reachable = address !== undefined;
    if (reachable) {
      await once(server.listen(0, address), 'listening');
      await serveAt(address, (server.address() as AddressInfo).port);
    }
    const http: Step = {
      kind: 'wait-for-http',
      title: 'Ask',
      service: { name: 'web', port: 80, path: '/' },
      expectStatus: 204,
      timeoutSeconds: 60,
    };
    const steps: Step[] = [
      apply('a', 'b'),
      { kind: 'await', title: 'Wait', refs: [refOf('a'), refOf('b')], timeoutSeconds: 60 },
      ...(reachable ? [http] : []),
      { kind: 'delete', title: 'Delete', refs: [refOf('b')], timeoutSeconds: 60 },
    ];
    const run = await ended(await queue(steps));
    server.close();
    expect(run, JSON.stringify(run.error)).toMatchObject({ status: 'positive' });
    expect([await made('a'), await made('b')]).toMatchObject([{ data: { value: 'a' } }, undefined]);
  });

  it('is cancelled in flight', async () => {
    const id = await queue([gate('never'), apply('after-never')]);
    await expect.poll(async () => (await read(id)).steps[0]?.status, patience).toBe('running');
    await call('POST', `/runs/${id}/cancel`);
    expect((await ended(id)).status).toBe('cancelled');
    expect(await made('after-never')).toBeUndefined();
  });

  it('is reached through the cluster proxy of a gateway that holds no tunnel: get, list, create, watch', async () => {
    const created = await proxied(maps(), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(configMap('proxied', 'x'.repeat(200_000))),
    });
    expect(created.status).toBe(201);
    const got = (await (await proxied(maps('/proxied'))).json()) as { data: { value: string } };
    expect(got.data.value.length).toBe(200_000);
    const list = (await (await proxied(maps())).json()) as { items: { metadata: { name: string } }[] };
    expect(list.items.map(({ metadata }) => metadata.name)).toContain('proxied');
    expect((await proxied(`/api/v1/namespaces/kube-system/configmaps`)).status).toBe(403);
    const stop = new AbortController();
    const watch = await proxied(maps('?watch=true'), { signal: stop.signal });
    const reader = watch.body?.getReader();
    let seen = '';
    await admin.apply(configMap('watched'), { namespace, fieldManager: 'test' });
    while (!seen.includes('"watched"')) seen += Buffer.from((await reader?.read())?.value ?? []).toString('utf8');
    stop.abort();
  });

  it('nobody notices that one of two agents is killed (-9): neither a run nor who reads, but for an answer on its way', async () => {
    const reads = readOn();
    const id = await queue([gate('killed-one'), apply('after-one')]);
    await expect.poll(async () => (await read(id)).steps[0]?.status, patience).toBe('running');
    for (const replica of ['one', 'two']) {
      await agents.get(replica)?.end('SIGKILL');
      await connected(replica === 'one' ? 'two' : 'one');
      await startAgent(replica);
      await connected('one', 'two');
    }
    await admin.apply(configMap('killed-one'), { namespace, fieldManager: 'test' });
    const run = await ended(id);
    const seen = await reads.end();
    expect(run).toMatchObject({ status: 'positive' });
    expect(await made('after-one')).toBeDefined();
    expect(seen.length).toBeGreaterThan(10);
    // Nothing that the gateway has sent is sent again, so each kill may take the one answer that was on its way.
    const lost = seen.filter((each) => each !== '200');
    expect(lost.length).toBeLessThanOrEqual(2);
    expect(new Set(lost)).toEqual(new Set(lost.map(() => 'upstream_reset')));
  });

  it('the only agent is killed (-9) in the middle of a run: it comes back, and the run goes on', async () => {
    await agents.get('two')?.end('SIGTERM');
    await connected('one');
    const id = await queue([gate('only-gate'), apply('after-only')]);
    await expect.poll(async () => (await read(id)).steps[0]?.status, patience).toBe('running');
    await agents.get('one')?.end('SIGKILL');
    await connected();
    const refused = await proxied(maps());
    const problem = (await refused.json()) as { code: string; detail: string };
    expect([refused.status, problem.code]).toEqual([502, 'cluster_unreachable']);
    await startAgent('one');
    await connected('one');
    await admin.apply(configMap('only-gate'), { namespace, fieldManager: 'test' });
    expect(await ended(id)).toMatchObject({ status: 'positive' });
    expect((await proxied(maps())).status).toBe(200);
  });

  it('without any agent a run ends with a reason that says so, when its time is over', async () => {
    await agents.get('one')?.end('SIGKILL');
    await connected();
    const run = await ended(await queue([apply('lost')], 8));
    expect(run.status).toMatch(/negative|timed_out/);
    expect(JSON.stringify(run)).toContain('No agent of this cluster is connected.');
    await Promise.all([startAgent('one'), startAgent('two')]);
    await connected('one', 'two');
  });

  it('changes over to a new token without a gap, and the old one is dead after the overlap', async () => {
    const old = cluster.agentToken ?? '';
    const reads = readOn();
    const stop = new AbortController();
    const watch = await proxied(maps('?watch=true'), { signal: stop.signal });
    let isCut = false;
    void watch.text().then(
      () => (isCut = true),
      () => (isCut = true),
    );
    const first = await call<AgentToken>('POST', `/clusters/${cluster.id}/agent-token`, { overlapSeconds: 3_600 });
    expect(await call('GET', `/clusters/${cluster.id}/agent`)).toMatchObject({ previousUntil: first.previousUntil });
    await keepToken(first.agentToken);
    for (const replica of ['one', 'two']) await agents.get(replica)?.says('changed over to the new token');
    await connected('one', 'two');
    // The old one is good for as long as was said.
    await startAgent('three', { NM_AGENT_TOKEN_FILE: '', NM_AGENT_TOKEN: old });
    await connected('one', 'three', 'two');
    expect(new Set(await reads.end())).toEqual(new Set(['200']));
    expect(isCut).toBe(false);
    stop.abort();
    // The overlap passes.
    await database.db.asSystem((tx) =>
      tx.cluster.update({ where: { id: cluster.id }, data: { agentOldUntil: new Date(clock.nowMs() - 1) } }),
    );
    await connected('one', 'two');
    const third = agents.get('three');
    await expect
      .poll(() => third?.output(), patience)
      .toMatch(/the token was replaced or revoked[\s\S]*NMachine does not know this token/);
    const waits = () => third?.lines('no tunnel; trying again').map(({ waitMs }) => Number(waitMs)) ?? [];
    await expect.poll(() => waits().length, patience).toBeGreaterThan(3);
    // Each wait is between half of a ceiling that doubles and all of it.
    for (const [index, waitMs] of waits().entries()) {
      const ceilingMs = Math.min(30_000, 500 * 2 ** index);
      expect(waitMs).toBeGreaterThanOrEqual(ceilingMs / 2);
      expect(waitMs).toBeLessThanOrEqual(ceilingMs);
    }
    await third?.end('SIGKILL');
  });

  it('counts agents, streams, bytes and reconnects', async () => {
    const { opsPort } = await holder.says('gateway is listening');
    const port = opsPort as number;
    expect(await metric(port, 'nm_gateway_agent_tunnels')).toBe(2);
    expect(await metric(port, 'nm_gateway_agent_clusters')).toBe(1);
    expect(await metric(port, 'nm_gateway_agent_bytes_total')).toBeGreaterThan(200_000);
    expect(await metric(port, 'nm_gateway_agent_tunnels_total')).toBeGreaterThan(5);
    const { opsPort: agentOps } = (await agents.get('one')?.says('agent started')) ?? {};
    expect(await metric(agentOps as number, 'nm_agent_up')).toBe(1);
    expect(await metric(agentOps as number, 'nm_agent_dials_total')).toBeGreaterThanOrEqual(2);
    expect((await fetch(`http://127.0.0.1:${agentOps}/readyz`)).status).toBe(200);
  });

  it('revocation cuts the tunnels and what is on them; a new token lets agents in again', async () => {
    const watch = await proxied(maps('?watch=true'));
    const cut = watch.text().then(
      () => 'ended',
      () => 'broken',
    );
    await call('DELETE', `/clusters/${cluster.id}/agent-token`);
    await connected();
    expect(await cut).toMatch(/ended|broken/);
    expect((await proxied(maps())).status).toBe(502);
    await expect.poll(() => agents.get('one')?.output(), patience).toContain('NMachine does not know this token');
    expect(await call('GET', `/clusters/${cluster.id}/agent`)).toEqual({ replicas: [], hasToken: false });
    const { agentToken } = await call<AgentToken>('POST', `/clusters/${cluster.id}/agent-token`, {});
    await keepToken(agentToken);
    await connected('one', 'two');
    expect((await proxied(maps())).status).toBe(200);
  });

  it.each([
    ['a file that is not there', { NM_AGENT_KUBE_TOKEN_FILE: '/nowhere/token' }, /\/nowhere\/token cannot be read/],
    ['a name that does not resolve', { NM_AGENT_URL: 'wss://nowhere.invalid' }, /does not resolve/],
    ['a port where nobody listens', { NM_AGENT_URL: 'ws://127.0.0.1:1' }, /cannot be reached: .*ECONNREFUSED/],
  ])('says what is wrong: %s', async (_, env, reason) => {
    const agent = await startAgent('wrong', env);
    const { reason: said, waitMs } = await agent.says('no tunnel; trying again');
    expect(said).toMatch(reason);
    expect(waitMs).toBeGreaterThan(0);
    await agent.end('SIGTERM');
  });

  it('says that what answers is no gateway, and that plain text is no TLS', async () => {
    const server = createServer((_, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
    const tcp = createTcpServer((socket) => void socket.end('hello\r\n')).listen(0, '127.0.0.1');
    await Promise.all([once(server, 'listening'), once(tcp, 'listening')]);
    const at = (listening: Server | ReturnType<typeof createTcpServer>) => (listening.address() as AddressInfo).port;
    const other = await startAgent('other', { NM_AGENT_URL: `ws://127.0.0.1:${at(server)}` });
    expect((await other.says('no tunnel; trying again'))['reason']).toContain('not the agents’ port');
    const plain = await startAgent('plain', { NM_AGENT_URL: `wss://127.0.0.1:${at(tcp)}` });
    expect((await plain.says('no tunnel; trying again'))['reason']).toContain('does not speak TLS');
    await Promise.all([other.end('SIGTERM'), plain.end('SIGTERM')]);
    server.close();
    tcp.close();
  });
});
