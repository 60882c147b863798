import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession, type WatchEvent } from '@nm/adapters/k8kat';
import { Vault } from '@nm/adapters/vault';
import { type AgentListener, ClusterSessions, registerCluster, startAgentListener } from '@nm/features/clusters';
import { mintBearerKey, newId } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adminTarget } from '../../../libs/testing/admin-target.js';
import { describeWith } from '../../../libs/testing/needs.js';
import { seedLicensee } from '../../../libs/testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';

const main = join(import.meta.dirname, '../../../dist/apps/agent/src/main.js');
const generous = { timeout: 30_000, interval: 100 };

describeWith(['kubernetes'], 'a private cluster, reached through its agents only', () => {
  const vault = new Vault(Buffer.alloc(32, 7));
  // Nothing may be dialled directly: what arrives came through the tunnel.
  const policy = new EgressPolicy();
  const namespace = `agt-${newId('request').slice(-10)}`;
  const agents = new Set<ChildProcess>();
  let folder: string;
  let database: TestDatabase;
  let listener: AgentListener;
  let sessions: ClusterSessions;
  let admin: KubeSession;
  let clusterId: string;
  let token: string;
  let kubeToken: string;
  const deps = () => ({ db: database.db, vault, policy, clock });
  const listen = (port = 0) =>
    startAgentListener({ ...deps(), host: '127.0.0.1', port, onError: (error) => console.error('listener', error) });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nm-agent-'));
    database = await createTestDatabase();
    const target = await adminTarget();
    admin = new KubeSession(target, { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
    await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { fieldManager: 't' });
    for (const object of identity(namespace)) await admin.apply(object, { fieldManager: 't' });
    kubeToken = (await admin.requestToken(namespace, 'agent', 3_600)).token;
    await writeFile(join(folder, 'token'), kubeToken);
    await writeFile(join(folder, 'ca.crt'), target.ca ?? '');
    listener = await listen();
    sessions = new ClusterSessions(deps());
    const principal = await seedLicensee(database.db);
    const cluster = await registerCluster(deps(), principal, { name: 'private', agent: true, allowInsecureTls: false });
    clusterId = cluster.id;
    token = cluster.agentToken ?? '';
  });
  afterAll(async () => {
    await sessions.close();
    for (const agent of agents) agent.kill('SIGKILL');
    await listener.close();
    await admin.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    await admin.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  async function startAgent(replica: string, secret = token): Promise<ChildProcess> {
    const server = new URL((await adminTarget()).server);
    const agent = spawn(process.execPath, [main], {
      env: {
        PATH: process.env['PATH'],
        NM_AGENT_URL: `ws://127.0.0.1:${listener.port}`,
        NM_AGENT_TOKEN: secret,
        NM_AGENT_NAME: replica,
        NM_AGENT_SERVER: server.origin,
        NM_AGENT_KUBE_TOKEN_FILE: join(folder, 'token'),
        NM_AGENT_KUBE_CA_FILE: join(folder, 'ca.crt'),
        KUBERNETES_SERVICE_HOST: server.hostname,
        KUBERNETES_SERVICE_PORT: server.port,
        NM_LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    agents.add(agent);
    return agent;
  }
  const tunnels = () => listener.tunnels.get(clusterId)?.size ?? 0;
  const rows = () => database.db.asSystem((tx) => tx.agentTunnel.findMany({ where: { clusterId } }));
  const configMap = (name: string, value: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace },
    data: { value },
  });

  it('says that no agent is connected, until one is', async () => {
    await expect(sessions.forCluster(clusterId)).rejects.toMatchObject({ code: 'cluster_unreachable' });
  });

  it('refuses an agent with another token, and a stranger at the inner door', async () => {
    const { text } = mintBearerKey('agent');
    const get = (path: string, bearer: string) =>
      fetch(`http://127.0.0.1:${listener.port}${path}`, { headers: { authorization: `Bearer ${bearer}` } });
    expect((await get('/agent', token)).status).toBe(426);
    for (const [path, bearer] of [
      ['/agent', text],
      ['/agent', `${token.slice(0, -1)}x`],
      [`/forward/${clusterId}`, token],
      [`/forward/${clusterId}`, `${clock.nowMs()}.AAAA`],
    ] as const)
      expect(await upgradeStatus(listener.port, path, bearer)).toBe(401);
  });

  it('lists, applies and watches as on a direct cluster; the credential is the agent’s, sealed', async () => {
    await startAgent('one');
    await expect.poll(tunnels, generous).toBe(1);
    const row = await database.db.asSystem((tx) => tx.cluster.findUniqueOrThrow({ where: { id: clusterId } }));
    expect(row.credentialInfo).toMatchObject({ kind: 'service-account', serviceAccount: { namespace, name: 'agent' } });
    expect(Buffer.from(row.credential ?? []).includes(kubeToken)).toBe(false);
    const session = await sessions.forCluster(clusterId);
    expect(await session.version()).toMatch(/^v1\./);
    const events: WatchEvent[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of session.watch({ apiVersion: 'v1', kind: 'ConfigMap', namespace, signal: stop.signal }))
        events.push(event);
    })().catch(() => undefined);
    await session.apply(configMap('settings', 'x'.repeat(300_000)), { fieldManager: 'nm' });
    const { items } = await session.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace });
    expect(items.map((item) => item.metadata?.name)).toContain('settings');
    await expect.poll(() => JSON.stringify(events), generous).toContain('settings');
    stop.abort();
    await watching;
    await expect(session.list({ apiVersion: 'v1', kind: 'Secret', namespace: 'kube-system' })).rejects.toMatchObject({
      code: 'cluster_forbidden',
    });
  });

  it('goes on with the other replica when one is killed, and takes it back', async () => {
    await startAgent('two');
    await expect.poll(tunnels, generous).toBe(2);
    expect(new Set((await rows()).map(({ replica }) => replica))).toEqual(new Set(['one', 'two']));
    const [first] = agents;
    const session = await sessions.forCluster(clusterId);
    await session.version();
    first?.kill('SIGKILL');
    await expect.poll(tunnels, generous).toBe(1);
    await expect.poll(() => session.version().catch(String), generous).toMatch(/^v1\./);
    expect((await rows()).map(({ replica }) => replica)).toEqual(['two']);
    await startAgent('one');
    await expect.poll(tunnels, generous).toBe(2);
  });

  it('comes back by itself after the process that held the tunnels was lost', async () => {
    const { port } = listener;
    await listener.close();
    const session = await sessions.forCluster(clusterId);
    await expect(session.version()).rejects.toMatchObject({ code: 'cluster_unreachable' });
    listener = await listen(port);
    await expect.poll(tunnels, generous).toBe(2);
    await expect.poll(() => session.version().catch(String), generous).toMatch(/^v1\./);
  });

  it('finds a tunnel that another process holds', async () => {
    const other = await listen();
    const elsewhere = new ClusterSessions(deps());
    expect(other.tunnels.size).toBe(0);
    expect(await (await elsewhere.forCluster(clusterId)).version()).toMatch(/^v1\./);
    await elsewhere.close();
    await other.close();
  });

  it('moves megabytes both ways, on many connections at once', async () => {
    const session = await sessions.forCluster(clusterId);
    const big = Array.from({ length: 8 }, (_, index) => configMap(`big-${index}`, `${index}`.repeat(900_000)));
    await Promise.all(big.map((object) => session.apply(object, { fieldManager: 'nm' })));
    const lists = await Promise.all(
      Array.from({ length: 4 }, () => session.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace })),
    );
    for (const { items } of lists) expect(JSON.stringify(items).length).toBeGreaterThan(7_000_000);
  });
});

const upgradeStatus = (port: number, path: string, bearer: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${bearer}`,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    };
    request({ host: '127.0.0.1', port, path, headers })
      .once('response', (response) => resolve(response.statusCode ?? 0))
      .once('upgrade', (_, socket) => {
        socket.destroy();
        resolve(101);
      })
      .once('error', reject)
      .end();
  });

const identity = (namespace: string) => [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'agent', namespace } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'agent', namespace },
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'agent', namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'agent' },
    subjects: [{ kind: 'ServiceAccount', name: 'agent', namespace }],
  },
];
