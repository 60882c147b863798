import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { request } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { AgentToken, ClusterCheck, Install, RunPlan } from '@nm/kernel/contracts';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../libs/testing/needs.js';
import { PrivateCluster, patience } from './private-cluster.js';

type Step = RunPlan['steps'][number];
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
const gate = (name: string): Step => ({ kind: 'await', title: 'Gate', refs: [refOf(name)], timeoutSeconds: 590 });

/** A port of this machine that the API server may proxy to: it refuses loopback. */
const ownAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

describeWith(['kubernetes'], 'an install on a cluster that only dials out, every app a process of its own', () => {
  // Processes start slowly on a busy machine; nothing here depends on how long things take.
  vi.setConfig({ testTimeout: 900_000 });
  const lab = new PrivateCluster();
  const made = (name: string) => lab.admin.get(refOf(name), lab.namespace);
  const maps = (more = '') => `/api/v1/namespaces/${lab.namespace}/configmaps${more}`;
  const metric = async (port: number, name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name} `));
    return Number(line?.split(' ').at(-1));
  };

  beforeAll(() => lab.open(rbac), 900_000);
  afterEach(({ task }) => {
    if (task.result?.state !== 'fail') return;
    for (const { child, output } of lab.processes) console.error(child.spawnargs.at(-1), output().slice(-4_000));
  });
  afterAll(() => lab.close());

  it('is prepared through the tunnel, by an identity that has exactly the rights it needs', async () => {
    expect((await lab.call<Install>('GET', `/installs/${lab.install.id}`)).state).toBe('ready');
    const check = await lab.call<ClusterCheck>('POST', `/clusters/${lab.cluster.id}/check`, {
      namespace: lab.namespace,
    });
    expect(check.permissions.filter(({ allowed }) => !allowed)).toEqual([]);
    const agent = lab.admin.as({ user: `system:serviceaccount:${lab.namespace}:nmachine-agent` });
    for (const [verb, group, resource, where] of [
      ['get', '', 'secrets', lab.namespace],
      ['create', '', 'pods', lab.namespace],
      ['get', '', 'configmaps', 'kube-system'],
      ['escalate', 'rbac.authorization.k8s.io', 'roles', lab.namespace],
    ] as const)
      expect(await agent.can({ verb, group, resource, namespace: where }), resource).toMatchObject({ allowed: false });
  });

  it('its manifest runs under Pod Security "restricted"', async () => {
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nmachine-agent' };
    const available = async () =>
      ((await lab.admin.get(ref, lab.namespace)) as { status?: { availableReplicas?: number; conditions?: unknown } })
        .status;
    // Pods of the fake nodes run without an image and without the Secret; the API server has admitted them all the same.
    await expect.poll(available, patience).toMatchObject({ replicas: 2 });
    const { items } = await lab.admin.list({ apiVersion: 'v1', kind: 'Pod', namespace: lab.namespace });
    expect(items.filter(({ metadata }) => metadata?.name?.startsWith('nmachine-agent-')).length).toBe(2);
  });

  it('runs apply, await, wait-for-http and delete, worker and tunnel in different processes', async () => {
    const address = ownAddress();
    const server: Server = createServer((_, response) => response.writeHead(204).end());
    const reachable = address !== undefined;
    if (reachable) {
      await once(server.listen(0, address), 'listening');
      await lab.serveAt(address, (server.address() as AddressInfo).port);
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
    const run = await lab.ended(await lab.queue(steps));
    server.close();
    expect(run, JSON.stringify(run.error)).toMatchObject({ status: 'positive' });
    expect([await made('a'), await made('b')]).toMatchObject([{ data: { value: 'a' } }, undefined]);
  });

  it('is cancelled in flight', async () => {
    const id = await lab.queue([gate('never'), apply('after-never')]);
    await expect.poll(async () => (await lab.read(id)).steps[0]?.status, patience).toBe('running');
    await lab.call('POST', `/runs/${id}/cancel`);
    expect((await lab.ended(id)).status).toBe('cancelled');
    expect(await made('after-never')).toBeUndefined();
  });

  it('is reached through the cluster proxy of a gateway that holds no tunnel: get, list, create, watch', async () => {
    const created = await lab.proxied(maps(), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(configMap('proxied', 'x'.repeat(200_000))),
    });
    expect(created.status).toBe(201);
    const got = (await (await lab.proxied(maps('/proxied'))).json()) as { data: { value: string } };
    expect(got.data.value.length).toBe(200_000);
    const list = (await (await lab.proxied(maps())).json()) as { items: { metadata: { name: string } }[] };
    expect(list.items.map(({ metadata }) => metadata.name)).toContain('proxied');
    expect((await lab.proxied(`/api/v1/namespaces/kube-system/configmaps`)).status).toBe(403);
    const stop = new AbortController();
    const watch = await lab.proxied(maps('?watch=true'), { signal: stop.signal });
    const reader = watch.body?.getReader();
    let seen = '';
    await lab.admin.apply(configMap('watched'), { namespace: lab.namespace, fieldManager: 'test' });
    while (!seen.includes('"watched"')) seen += Buffer.from((await reader?.read())?.value ?? []).toString('utf8');
    stop.abort();
  });

  it('takes agents over TLS: by the authority of the manifest, and nothing but agents', async () => {
    expect(lab.agentUrl).toMatch(/^wss:/);
    const stranger = await lab.startAgent('stranger', { NM_AGENT_CA_FILE: join(lab.folder, 'ca.crt') });
    expect((await stranger.says('no tunnel; trying again'))['reason']).toMatch(/not trusted here/);
    await stranger.end('SIGTERM');
    const ca = await readFile(join(lab.folder, 'agent-ca.crt'));
    const statusOf = async (path: string): Promise<number | undefined> => {
      const headers = { connection: 'Upgrade', upgrade: 'nm-forward', authorization: 'Bearer nothing' };
      const call = request(lab.agentUrl.replace('wss', 'https') + path, { ca, headers }).end();
      const [answer] = (await once(call, 'response')) as [IncomingMessage];
      return answer.statusCode;
    };
    expect(await statusOf('/agent')).toBe(401);
    expect(await statusOf(`/forward/${lab.cluster.id}`)).toBe(404);
    expect((await lab.holder.says('gateway is listening'))['agentPort']).toBeGreaterThan(0);
    await lab.connected('one', 'two');
  });

  it('nobody notices that one of two agents is killed (-9): neither a run nor who reads, but for an answer on its way', async () => {
    await lab.admin.apply(configMap('large', 'x'.repeat(200_000)), { namespace: lab.namespace, fieldManager: 'test' });
    const reads = lab.readOn(maps('/large'));
    const id = await lab.queue([gate('killed-one'), apply('after-one')]);
    await expect.poll(async () => (await lab.read(id)).steps[0]?.status, patience).toBe('running');
    for (const replica of ['one', 'two']) {
      await lab.agents.get(replica)?.end('SIGKILL');
      await lab.connected(replica === 'one' ? 'two' : 'one');
      await lab.startAgent(replica);
      await lab.connected('one', 'two');
    }
    await lab.admin.apply(configMap('killed-one'), { namespace: lab.namespace, fieldManager: 'test' });
    const run = await lab.ended(id);
    const seen = await reads.end();
    expect(run).toMatchObject({ status: 'positive' });
    expect(await made('after-one')).toBeDefined();
    expect(seen.length).toBeGreaterThan(10);
    // Nothing that the gateway has sent is sent again, so each kill may take the one answer that was on its way, before it began or within.
    const lost = seen.filter((each) => each !== '200');
    expect(lost.length, `${lost}`).toBeLessThanOrEqual(2);
    expect(lost.filter((each) => each !== 'upstream_reset' && each !== 'cut')).toEqual([]);
  });

  it('the only agent is killed (-9) in the middle of a run: it comes back, and the run goes on', async () => {
    await lab.agents.get('two')?.end('SIGTERM');
    await lab.connected('one');
    const id = await lab.queue([gate('only-gate'), apply('after-only')]);
    await expect.poll(async () => (await lab.read(id)).steps[0]?.status, patience).toBe('running');
    await lab.agents.get('one')?.end('SIGKILL');
    await lab.connected();
    const refused = await lab.proxied(maps());
    const status = (await refused.json()) as { details: { causes: { reason: string }[] } };
    expect([refused.status, status.details.causes[0]?.reason]).toEqual([502, 'cluster_unreachable']);
    await lab.startAgent('one');
    await lab.connected('one');
    await lab.admin.apply(configMap('only-gate'), { namespace: lab.namespace, fieldManager: 'test' });
    expect(await lab.ended(id)).toMatchObject({ status: 'positive' });
    expect((await lab.proxied(maps())).status).toBe(200);
  });

  it('without any agent a run ends with a reason that says so, when its time is over', async () => {
    await lab.agents.get('one')?.end('SIGKILL');
    await lab.connected();
    const run = await lab.ended(await lab.queue([apply('lost')], 8));
    expect(run.status).toMatch(/negative|timed_out/);
    expect(JSON.stringify(run)).toContain('No agent of this cluster is connected.');
    await Promise.all([lab.startAgent('one'), lab.startAgent('two')]);
    await lab.connected('one', 'two');
  });

  it('changes over to a new token without a gap, and the old one is dead after the overlap', async () => {
    const old = lab.cluster.agentToken ?? '';
    const reads = lab.readOn(maps('/proxied'));
    const stop = new AbortController();
    const watch = await lab.proxied(maps('?watch=true'), { signal: stop.signal });
    let isCut = false;
    void watch.text().then(
      () => (isCut = true),
      () => (isCut = true),
    );
    const first = await lab.call<AgentToken>('POST', `/clusters/${lab.cluster.id}/agent-token`, {
      overlapSeconds: 3_600,
    });
    expect(await lab.call('GET', `/clusters/${lab.cluster.id}/agent`)).toMatchObject({
      previousUntil: first.previousUntil,
    });
    await lab.keepToken(first.agentToken);
    for (const replica of ['one', 'two']) await lab.agents.get(replica)?.says('changed over to the new token');
    await lab.connected('one', 'two');
    // The old one is good for as long as was said.
    await lab.startAgent('three', { NM_AGENT_TOKEN_FILE: '', NM_AGENT_TOKEN: old });
    await lab.connected('one', 'three', 'two');
    expect(new Set(await reads.end())).toEqual(new Set(['200']));
    expect(isCut).toBe(false);
    stop.abort();
    // The overlap passes.
    await lab.database.db.asSystem((tx) =>
      tx.cluster.update({ where: { id: lab.cluster.id }, data: { agentOldUntil: new Date(clock.nowMs() - 1) } }),
    );
    await lab.connected('one', 'two');
    const third = lab.agents.get('three');
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
    const { opsPort } = await lab.holder.says('gateway is listening');
    const port = opsPort as number;
    expect(await metric(port, 'nm_gateway_agent_tunnels')).toBe(2);
    expect(await metric(port, 'nm_gateway_agent_clusters')).toBe(1);
    expect(await metric(port, 'nm_gateway_agent_bytes_total')).toBeGreaterThan(200_000);
    expect(await metric(port, 'nm_gateway_agent_tunnels_total')).toBeGreaterThan(5);
    const { opsPort: agentOps } = (await lab.agents.get('one')?.says('agent started')) ?? {};
    expect(await metric(agentOps as number, 'nm_agent_up')).toBe(1);
    expect(await metric(agentOps as number, 'nm_agent_dials_total')).toBeGreaterThanOrEqual(2);
    expect((await fetch(`http://127.0.0.1:${agentOps}/readyz`)).status).toBe(200);
  });

  it('revocation cuts the tunnels and what is on them; a new token lets agents in again', async () => {
    const watch = await lab.proxied(maps('?watch=true'));
    const cut = watch.text().then(
      () => 'ended',
      () => 'broken',
    );
    await lab.call('DELETE', `/clusters/${lab.cluster.id}/agent-token`);
    await lab.connected();
    expect(await cut).toMatch(/ended|broken/);
    expect((await lab.proxied(maps())).status).toBe(502);
    await expect.poll(() => lab.agents.get('one')?.output(), patience).toContain('NMachine does not know this token');
    expect(await lab.call('GET', `/clusters/${lab.cluster.id}/agent`)).toEqual({ replicas: [], hasToken: false });
    const { agentToken } = await lab.call<AgentToken>('POST', `/clusters/${lab.cluster.id}/agent-token`, {});
    await lab.keepToken(agentToken);
    await lab.connected('one', 'two');
    expect((await lab.proxied(maps())).status).toBe(200);
  });

  it.each([
    ['a file that is not there', { NM_AGENT_KUBE_TOKEN_FILE: '/nowhere/token' }, /\/nowhere\/token cannot be read/],
    ['a name that does not resolve', { NM_AGENT_URL: 'wss://nowhere.invalid' }, /does not resolve/],
    ['a port where nobody listens', { NM_AGENT_URL: 'ws://127.0.0.1:1' }, /cannot be reached: .*ECONNREFUSED/],
  ])('says what is wrong: %s', async (_, env, reason) => {
    const agent = await lab.startAgent('wrong', env);
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
    const other = await lab.startAgent('other', { NM_AGENT_URL: `ws://127.0.0.1:${at(server)}` });
    expect((await other.says('no tunnel; trying again'))['reason']).toContain('not the agents’ port');
    const plain = await lab.startAgent('plain', { NM_AGENT_URL: `wss://127.0.0.1:${at(tcp)}` });
    expect((await plain.says('no tunnel; trying again'))['reason']).toContain('does not speak TLS');
    await Promise.all([other.end('SIGTERM'), plain.end('SIGTERM')]);
    server.close();
    tcp.close();
  });
});
