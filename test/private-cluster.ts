import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { Vault } from '@nm/adapters/vault';
import { ContextKeys } from '@nm/features/context';
import type {
  AgentManifest,
  AgentStatus,
  Install,
  RbacPolicy,
  RegisteredCluster,
  Run,
  RunPlan,
} from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { expect, vi } from 'vitest';
import { type StartedApi, startApi, testMasterKey } from '../apps/api/test/start-api.js';
import { type IssuedLicence, issue, makeTenant } from '../apps/gateway/test/tenant.js';
import { adminTarget } from '../libs/testing/admin-target.js';
import { selfSigned } from '../libs/testing/certificates.js';
import { createTestDatabase, type TestDatabase } from '../libs/testing/test-database.js';
import { type AppProcess, startAppProcess } from './app-process.js';

type Env = Readonly<Record<string, string>>;
export const patience = { timeout: 200_000, interval: 100 };

/**
 * PrivateCluster is an install on the run's cluster, reached through agents alone: two gateways (one holds the tunnels), a worker and the agents are
 * processes of their own, and no private address may be dialled by ours.
 */
export class PrivateCluster {
  readonly namespace = `priv-${newId('request').slice(-10)}`;
  readonly processes: AppProcess[] = [];
  readonly agents = new Map<string, AppProcess>();
  folder!: string;
  database!: TestDatabase;
  admin!: KubeSession;
  cluster!: RegisteredCluster;
  install!: Install;
  /** Where agents find TLS, with an authority that only the manifest tells them of. */
  agentUrl!: string;
  /** The gateway that holds the tunnels. */
  holder!: AppProcess;
  #api!: StartedApi;
  #licence!: IssuedLicence;
  #proxyUrl!: string;
  #installToken!: string;

  /** open prepares everything up to a ready install. @param rbac what the version's policy grants */
  async open(rbac: RbacPolicy): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'nm-private-'));
    this.database = await createTestDatabase();
    const { db } = this.database;
    const target = await adminTarget();
    this.admin = new KubeSession(target, { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
    const tenant = await makeTenant(db, 'acme', { rbac });
    const vault = new Vault(testMasterKey);
    this.#licence = await issue(db, vault, tenant);
    const { certificate, key } = await selfSigned('gateway', { ip: ['127.0.0.1'] });
    const files = { crt: join(this.folder, 'gateway.crt'), key: join(this.folder, 'gateway.key') };
    await Promise.all([writeFile(files.crt, certificate), writeFile(files.key, key, { mode: 0o600 })]);
    const held = await this.#gateway({
      ...{ NM_AGENT_PORT: '0', NM_AGENT_TLS_PORT: '0', NM_GATEWAY_TLS_PORT: '0' },
      ...{ NM_GATEWAY_TLS_CERT_FILE: files.crt, NM_GATEWAY_TLS_KEY_FILE: files.key },
    });
    this.holder = held.started;
    this.agentUrl = `wss://127.0.0.1:${held.line['agentTlsPort']}`;
    const worker = this.#start('worker', this.#ours()).says('worker started');
    const [{ line }] = await Promise.all([this.#gateway({}), worker]);
    this.#proxyUrl = `http://127.0.0.1:${line['port']}`;
    this.#api = await startApi({
      database: this.database,
      env: { NM_PUBLIC_AGENT_URL: this.agentUrl, NM_GATEWAY_TLS_CA_FILE: files.crt },
    });
    this.cluster = await this.call('POST', '/clusters', { name: 'private', agent: true });
    await this.keepToken(this.cluster.agentToken ?? '');
    await this.#prepareNamespace();
    await writeFile(join(this.folder, 'ca.crt'), target.ca ?? '');
    await Promise.all([this.startAgent('one'), this.startAgent('two')]);
    await this.connected('one', 'two');
    this.install = await this.call('POST', '/installs', { clusterId: this.cluster.id, namespace: this.namespace });
    const state = async () => (await this.call<Install>('GET', `/installs/${this.install.id}`)).state;
    await vi.waitFor(async () => expect(await state()).not.toBe('provisioning'), patience);
    const keys = await ContextKeys.open({ db, vault, clock });
    this.#installToken = await keys.sign({
      ...{ aud: [tenant.appId, 'nm-install'], sub: this.#licence.id, org: tenant.org, orgId: tenant.orgId },
      ...{ app: 'guestbook', appId: tenant.appId, version: '1.0.0', versionId: tenant.versionId },
      ...{ mode: 'full', entitlements: {} },
      install: { id: this.install.id, cluster: this.cluster.id, namespace: this.namespace },
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.processes.map((started) => started.end('SIGKILL')));
    await this.#api?.close();
    await this.admin?.delete({ apiVersion: 'v1', kind: 'Namespace', name: this.namespace });
    await this.admin?.close();
    await this.database?.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** call speaks to the API as the licensee. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers = { authorization: `Bearer ${this.#licence.key}`, 'content-type': 'application/json' };
    const answer = await fetch(`${this.#api.url}/v1${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    expect(answer.status, `${method} ${path}: ${text}`).toBeLessThan(300);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  async startAgent(replica: string, env: Env = {}): Promise<AppProcess> {
    const server = new URL((await adminTarget()).server);
    const agent = this.#start('agent', {
      NM_AGENT_URL: this.agentUrl,
      NM_AGENT_CA_FILE: join(this.folder, 'agent-ca.crt'),
      NM_AGENT_TOKEN_FILE: join(this.folder, 'agent-token'),
      NM_AGENT_NAME: replica,
      NM_AGENT_SERVER: server.origin,
      NM_AGENT_KUBE_TOKEN_FILE: join(this.folder, 'token'),
      NM_AGENT_KUBE_CA_FILE: join(this.folder, 'ca.crt'),
      KUBERNETES_SERVICE_HOST: server.hostname,
      KUBERNETES_SERVICE_PORT: server.port,
      NM_AGENT_LOOK_MS: '200',
      NM_DRAIN_MS: '500',
      ...env,
    });
    this.agents.set(replica, agent);
    return agent;
  }

  /** connected waits until these replicas have tunnels, and no others. */
  connected(...names: string[]): Promise<void> {
    const seen = async () => (await this.call<AgentStatus>('GET', `/clusters/${this.cluster.id}/agent`)).replicas;
    return vi.waitFor(
      async () => expect((await seen()).map(({ replica }) => replica).sort()).toEqual(names.sort()),
      patience,
    );
  }

  /** keepToken puts a token where the agents look, as a kubelet does: all at once. */
  async keepToken(token: string): Promise<void> {
    await writeFile(join(this.folder, 'agent-token.new'), `${token}\n`);
    await rename(join(this.folder, 'agent-token.new'), join(this.folder, 'agent-token'));
  }

  async queue(steps: RunPlan['steps'], timeoutSeconds = 600): Promise<string> {
    return (await this.call<Run>('POST', '/runs', { action: 'test', title: 'Test', plan: { steps }, timeoutSeconds }))
      .id;
  }

  read(runId: string): Promise<Run> {
    return this.call('GET', `/runs/${runId}`);
  }

  async ended(runId: string): Promise<Run> {
    await expect.poll(async () => (await this.read(runId)).status, patience).not.toMatch(/queued|running|waiting/);
    return this.read(runId);
  }

  /** proxied sends to the cluster proxy of the gateway that holds no tunnel, with the install's token. */
  proxied(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.#proxyUrl}/clusters/${this.cluster.id}/proxy${path}`, {
      ...init,
      headers: { authorization: `Bearer ${this.#installToken}`, ...init.headers },
    });
  }

  /** readOn reads a path again and again; each answer as its status, the code of what was refused, or `cut` when it had no end. */
  readOn(path: string): { end(): Promise<string[]> } {
    const seen: string[] = [];
    let isOn = true;
    const loop = (async () => {
      while (isOn) {
        const answer = await this.proxied(path);
        const text = await answer.text().catch(() => undefined);
        if (text === undefined) seen.push('cut');
        else if (answer.status === 200) seen.push('200');
        else seen.push(String(JSON.parse(text).details?.causes?.[0]?.reason));
      }
    })();
    // Told by `end`.
    loop.catch(() => undefined);
    return {
      end: async () => {
        isOn = false;
        await loop;
        return seen;
      },
    };
  }

  /** serveAt makes a Service whose one pod has that address, as the API server wants it: it proxies to nothing but pods. */
  async serveAt(ip: string, port: number): Promise<void> {
    const { admin, namespace } = this;
    const securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    };
    const spec = { schedulerName: 'nobody', containers: [{ name: 'web', image: 'web', securityContext }] };
    const metadata = { name: 'web', namespace };
    const targetRef = { kind: 'Pod', name: 'web', namespace };
    const subsets = [{ addresses: [{ ip, targetRef }], ports: [{ port }] }];
    const field = { fieldManager: 'test' };
    await admin.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec }, field);
    await admin.request('PATCH', `/api/v1/namespaces/${namespace}/pods/web/status`, {
      contentType: 'application/merge-patch+json',
      body: { status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] } },
    });
    await admin.apply({ apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }] } }, field);
    await admin.apply({ apiVersion: 'v1', kind: 'Endpoints', metadata, subsets }, field);
  }

  async #prepareNamespace(): Promise<void> {
    const { admin, namespace } = this;
    const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    const home = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: restricted } };
    await admin.apply(home, { fieldManager: 'test' });
    const path = `/clusters/${this.cluster.id}/agent-manifest?namespace=${namespace}`;
    const { items } = await this.call<AgentManifest>('GET', path);
    for (const item of items) await admin.apply(item, { fieldManager: 'kubectl' });
    // What the kubelet mounts, as far as agents outside the cluster need it.
    const authorities = items.find(({ kind }) => kind === 'ConfigMap') as { data?: Record<string, string> } | undefined;
    await writeFile(join(this.folder, 'agent-ca.crt'), authorities?.data?.['ca.crt'] ?? '');
    const { token } = await admin.requestToken(namespace, 'nmachine-agent', 3_600);
    await writeFile(join(this.folder, 'token'), token);
  }

  #start(app: string, env: Env): AppProcess {
    const started = startAppProcess(app, env);
    this.processes.push(started);
    return started;
  }

  /** No NM_EGRESS_ALLOW: what arrives at the cluster came through a tunnel. */
  #ours(): Env {
    return {
      NM_DATABASE_URL: this.database.url,
      NM_MASTER_KEY: testMasterKey.toString('base64'),
      NM_DRAIN_MS: '500',
    };
  }

  async #gateway(env: Env) {
    const started = this.#start('gateway', { ...this.#ours(), NM_GATEWAY_PORT: '0', ...env });
    return { started, line: await started.says('gateway is listening') };
  }
}
