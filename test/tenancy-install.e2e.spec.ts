import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import type { Cluster, Install, InstanceView, IssuedLicence, TokenPair } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { adminTarget } from '../libs/testing/admin-target.js';
import { describeWith } from '../libs/testing/needs.js';
import { type DevstackRun, devstackEnv, root, startDevstack } from './devstack-process.js';

interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

async function call<T>(method: string, url: string, credential: string, more: object = {}, body?: unknown) {
  const headers = { authorization: `Bearer ${credential}`, 'content-type': 'application/json', ...more };
  const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: (text ? JSON.parse(text) : {}) as T } as Answer<T>;
}

/** kamasOf gives the environment of each KAMA that runs for one gateway. The tether that guards a KAMA has the same one, and with it the same port. */
function kamasOf(gatewayUrl: string): Record<string, string | undefined>[] {
  const byPort = new Map<string, Record<string, string | undefined>>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const lines = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      const environment = Object.fromEntries(lines.map((line) => [line.split('=', 1)[0], line.replace(/^.*?=/s, '')]));
      const { NM_GATEWAY_URL, NM_VERSION, PORT } = environment as Record<string, string | undefined>;
      if (NM_GATEWAY_URL === gatewayUrl && NM_VERSION && PORT) byPort.set(PORT, environment);
    } catch {
      // It has just ended, or is not ours to read.
    }
  }
  return [...byPort.values()];
}

describeWith(['kubernetes'], 'an app whose version says tenancy: install', () => {
  const suffix = newId('request').slice(-8);
  const names = { a: `tenant-a-${suffix}`, b: `tenant-b-${suffix}` };
  const installs: Record<'a' | 'b', string> = { a: '', b: '' };
  let home: string;
  let devstack: DevstackRun;
  let admin: KubeSession;
  let demo: { gatewayUrl: string; apiUrl: string; publisher: { email: string; password: string } };
  let publisherToken: string;
  let licence: IssuedLicence;
  let clusterId: string;

  const publisher = async <T = unknown>(method: string, path: string, body?: unknown) => {
    const answer = await call<T>(method, `${demo.apiUrl}/v1/orgs/acme${path}`, publisherToken, {}, body);
    expect(answer.status, `${method} ${path} ${JSON.stringify(answer.body)}`).toBeLessThan(300);
    return answer.body;
  };
  const licensee = async <T>(method: string, path: string, body?: unknown) => {
    const answer = await call<T>(method, `${demo.apiUrl}/v1${path}`, licence.key, {}, body);
    expect(answer.status, `${method} ${path} ${JSON.stringify(answer.body)}`).toBeLessThan(300);
    return answer.body;
  };
  // biome-ignore lint/suspicious/noExplicitAny: answers of a KAMA have no contract of ours
  const kama = (install: 'a' | 'b' | undefined, method: string, path: string, body?: unknown): Promise<Answer<any>> =>
    call(
      method,
      `${demo.gatewayUrl}/kama/acme/guestbook${path}`,
      licence.key,
      install ? { 'nm-install': installs[install] } : {},
      body,
    );
  const instances = async (version: string) =>
    (await publisher<{ data: InstanceView[] }>('GET', '/apps/guestbook/instances')).data.filter(
      (instance) => instance.version === version,
    );

  async function install(namespace: string): Promise<Install> {
    const created = await licensee<Install>('POST', '/installs', { clusterId, namespace });
    const state = async () => (await licensee<Install>('GET', `/installs/${created.id}`)).state;
    await vi.waitFor(async () => expect(await state()).toBe('ready'), { timeout: 60_000, interval: 100 });
    return created;
  }

  /** Publishes the example under another number, one instance per install, and gives it to everybody. */
  async function release(version: string, more: object = {}): Promise<void> {
    const spec = JSON.parse(await readFile(join(root, 'examples/guestbook/version.json'), 'utf8')) as object;
    const body = { name: version, spec: { ...spec, tenancy: 'install', ...more } };
    await publisher('POST', '/apps/guestbook/versions', body);
    await publisher('POST', `/apps/guestbook/versions/${version}/publish`);
    await publisher('PUT', '/apps/guestbook/channels/stable', { version });
  }

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'nm-tenancy-'));
    devstack = startDevstack(await devstackEnv(home, { NM_RUNTIME_DRIVERS: 'process', NM_KUBELAB: 'off' }));
    await devstack.shows('Try it', 600_000);
    demo = JSON.parse(await readFile(join(home, 'demo.json'), 'utf8'));
    admin = new KubeSession(await adminTarget(), { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
    const { email, password } = demo.publisher;
    const login = await call<TokenPair>('POST', `${demo.apiUrl}/v1/auth/login`, '', {}, { email, password });
    publisherToken = login.body.accessToken;
    const customer = await publisher<{ id: string }>('POST', '/customers', { name: 'Soylent' });
    licence = await publisher('POST', '/apps/guestbook/licences', { plan: 'team', customerId: customer.id });
    const kubeconfig = await readFile(inject('kubeconfigPath'), 'utf8');
    clusterId = (await licensee<Cluster>('POST', '/clusters', { name: 'real', kubeconfig })).id;
    installs.a = (await install(names.a)).id;
  }, 700_000);

  afterAll(async () => {
    for (const name of Object.values(names))
      await admin?.delete({ apiVersion: 'v1', kind: 'Namespace', name }).catch(() => undefined);
    await admin?.close();
    await devstack?.ctrlC();
    if (home) await rm(home, { recursive: true, force: true });
  });

  it('needs to know which install is meant, once there are two, and wakes nothing before', async () => {
    await release('2.0.0');
    installs.b = (await install(names.b)).id;
    const ambiguous = async () => {
      const { status, body } = await kama(undefined, 'GET', '/api/status');
      return [status, body.code, [...(body.installs ?? [])].sort()];
    };
    await expect
      .poll(ambiguous, { timeout: 5_000 })
      .toEqual([400, 'install_ambiguous', Object.values(installs).sort()]);
    const { status, body } = await call<{ code: string }>(
      'GET',
      `${demo.gatewayUrl}/kama/acme/guestbook/api/status`,
      licence.key,
      { 'nm-install': newId('install') },
    );
    expect([status, body.code]).toEqual([404, 'not_found']);
    expect(await instances('2.0.0')).toEqual([]);
    expect(kamasOf(demo.gatewayUrl)).toEqual([]);
  });

  it('wakes exactly one instance per install, however many ask at once', async () => {
    const asked = (['a', 'b', 'a', 'b', 'a', 'b'] as const).map(async (which) => ({
      which,
      answer: await kama(which, 'GET', '/api/status'),
    }));
    for (const { which, answer } of await Promise.all(asked)) {
      expect([answer.status, answer.body.install_id, answer.body.ns]).toEqual([200, installs[which], names[which]]);
      expect(Number(answer.headers.get('nm-wake-ms'))).toBeGreaterThan(0);
    }
    expect((await kama('a', 'GET', '/api/status')).headers.get('nm-wake-ms')).toBeNull();

    const rows = await instances('2.0.0');
    expect(rows.map((row) => row.installId).sort()).toEqual(Object.values(installs).sort());
    expect(rows.map(({ observed, restarts }) => [observed, restarts])).toEqual([
      ['ready', 0],
      ['ready', 0],
    ]);
    const running = kamasOf(demo.gatewayUrl);
    expect(running.map((env) => [env['NM_VERSION'], env['NM_INSTALL_ID'], env['NM_NAMESPACE']]).sort()).toEqual(
      [
        ['2.0.0', installs.a, names.a],
        ['2.0.0', installs.b, names.b],
      ].sort(),
    );
  });

  it('keeps the variables of each install in its own namespace', async () => {
    const greet = async (which: 'a' | 'b') => {
      const assignments = { 'web.greeting': `Hello ${which}` };
      expect((await kama(which, 'POST', '/api/variables', { assignments })).status).toBe(200);
    };
    await Promise.all([greet('a'), greet('b')]);
    for (const which of ['a', 'b'] as const) {
      const map = await admin.get({ apiVersion: 'v1', kind: 'ConfigMap', name: 'kamafile' }, names[which]);
      const kamafile = JSON.parse((map?.['data'] as { app: string } | undefined)?.app ?? '{}');
      expect([kamafile.install_id, kamafile.user_vars]).toEqual([
        installs[which],
        { web: { greeting: `Hello ${which}` } },
      ]);
      expect((await kama(which, 'GET', '/api/status')).body.ktea_variables['web.greeting']).toBe(`Hello ${which}`);
    }
  });

  it('lends each instance a credential for its own namespace, which kubectl takes as it is, and no other', async () => {
    await release('2.0.1', { command: ['node', 'test/loan-kama.mjs'] });
    const maps = (namespace: string) => `/api/cluster/api/v1/namespaces/${namespace}/configmaps/kamafile`;
    for (const [mine, other] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const read = async (namespace: string) => (await kama(mine, 'GET', maps(namespace))).body;
      await expect.poll(async () => (await read(names[mine])).status, { timeout: 60_000, interval: 250 }).toBe(200);
      expect((await read(names[mine])).body.metadata).toMatchObject({ name: 'kamafile', namespace: names[mine] });
      const refused = await read(names[other]);
      expect([refused.status, refused.body.reason]).toEqual([403, 'Forbidden']);
      expect(refused.body.message, 'by the cluster itself').toContain(`system:serviceaccount:${names[mine]}:nm-`);
    }
    const running = kamasOf(demo.gatewayUrl).filter((env) => env['NM_VERSION'] === '2.0.1');
    expect(running).toHaveLength(2);
    const registered = await readFile(inject('kubeconfigPath'), 'utf8');
    for (const env of running) {
      const kubeconfig = env['KUBECONFIG'] ?? '';
      const text = await readFile(kubeconfig, 'utf8');
      expect(text).not.toMatch(/client-|password|exec:/);
      for (const [secret] of registered.matchAll(/[\w+/=]{60,}/g)) expect(text).not.toContain(secret);
      const { stdout } = await promisify(execFile)(
        join(inject('kubernetesBin'), 'kubectl'),
        ['--kubeconfig', kubeconfig, 'get', 'configmap', 'kamafile', '-o', 'name'],
        { env: { HOME: home, PATH: process.env['PATH'] } },
      );
      expect(stdout).toBe('configmap/kamafile\n');
    }
    await release('2.0.2');
  });

  it('gives the licensee a kubeconfig that kubectl takes as it is', async () => {
    const { kubeconfig } = await licensee<{ kubeconfig: string }>('POST', `/installs/${installs.a}/kubeconfig`, {});
    const path = join(home, 'laptop.kubeconfig');
    await writeFile(path, kubeconfig);
    const { stdout } = await promisify(execFile)(
      join(inject('kubernetesBin'), 'kubectl'),
      ['--kubeconfig', path, 'auth', 'can-i', 'get', 'configmaps'],
      { env: { HOME: home, PATH: process.env['PATH'] } },
    );
    expect(stdout).toBe('yes\n');
  });

  it('runs a long action in the namespace of its install only, and shows it to that install only', async () => {
    const started = await kama('b', 'POST', '/api/actions/install/run', {});
    expect(started.status).toBe(200);
    const job = `/api/app/jobs/${started.body.data.job_id}/status`;
    await expect
      .poll(async () => (await kama('b', 'GET', job)).body.data?.status, { timeout: 90_000, interval: 250 })
      .toBe('positive');
    expect((await kama('a', 'GET', job)).status).toBe(404);
    const deployments = { apiVersion: 'apps/v1', kind: 'Deployment' };
    expect((await admin.list({ ...deployments, namespace: names.b })).items.length).toBeGreaterThan(0);
    expect((await admin.list({ ...deployments, namespace: names.a })).items).toEqual([]);
  });

  it('wakes neither install once the licence is suspended, and both when it is resumed', async () => {
    await release('2.1.0');
    const change = (what: 'suspend' | 'resume') => publisher('POST', `/apps/guestbook/licences/${licence.id}/${what}`);
    await change('suspend');
    for (const which of ['a', 'b'] as const) {
      const code = async () => (await kama(which, 'GET', '/api/ping')).body.code;
      await expect.poll(code, { timeout: 1_000, interval: 50 }).toBe('licence_suspended');
      expect((await kama(which, 'POST', '/api/variables', { assignments: {} })).status).toBe(403);
    }
    expect(await instances('2.1.0')).toEqual([]);

    await change('resume');
    for (const which of ['a', 'b'] as const)
      await expect
        .poll(async () => (await kama(which, 'GET', '/api/app')).body.data?.version, { timeout: 30_000 })
        .toBe('2.1.0');
    expect((await instances('2.1.0')).map((row) => row.installId).sort()).toEqual(Object.values(installs).sort());
  });
});
