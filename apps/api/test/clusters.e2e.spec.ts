import { readFile } from 'node:fs/promises';
import type { IssuedLicence } from '@nm/kernel/contracts';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { describeWith } from '../../../libs/testing/needs.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { Client, makePublisher, type Publisher } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

const kubeconfig = (server: string, user = '{token: top-secret}'): string => `
clusters: [{name: k, cluster: {server: '${server}', proxy-url: 'http://10.0.0.1'}}]
users: [{name: u, user: ${user}}]
contexts: [{name: c, context: {cluster: k, user: u}}]
`;

let database: TestDatabase;
let api: StartedApi;
let anyone: Client;
let acme: Publisher;
let licensee: Client;
/** Another customer of the same publisher. */
let neighbour: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  api = await startApi({ database, env: { NM_EGRESS_ALLOW: '127.0.0.0/8' } });
  anyone = new Client(api.url);
  acme = await makePublisher(anyone, 'acme');
  await acme.client.put('/v1/orgs/acme/apps/guestbook/channels/stable', { version: '1.0.0' }).expect(200);
  licensee = anyone.as(acme.licence.key);
  const customer = await acme.client.post('/v1/orgs/acme/customers', { name: 'Neighbour' }).expect(201);
  const issued = await acme.client
    .post('/v1/orgs/acme/apps/guestbook/licences', { plan: 'team', customerId: customer.body.id })
    .expect(201);
  neighbour = anyone.as((issued.body as IssuedLicence).key);
});
afterAll(async () => {
  await api.close();
  await database.close();
});

const register = (name: string, server = 'https://127.0.0.1:1') =>
  licensee.post('/v1/clusters', { name, kubeconfig: kubeconfig(server) });

describe('clusters', () => {
  it('201: says what was kept and what was refused, and never the credential', async () => {
    const { body, text } = await register('first').expect(201);
    expect(body).toMatchObject({
      id: expect.stringMatching(/^clu_/),
      name: 'first',
      server: 'https://127.0.0.1:1',
      health: 'unknown',
      intake: {
        kept: [{ path: 'clusters.0.cluster.server' }, { path: 'users.0.user.token' }],
        refused: [{ path: 'clusters.0.cluster.proxy-url', reason: expect.any(String) }],
      },
    });
    expect(text).not.toContain('top-secret');
  });

  it('200: a licence session works as the key does', async () => {
    const session = await licensee
      .post('/v1/licence/session')
      .expect((answer) => expect(answer.status).toBeLessThan(300));
    await anyone.as(session.body.token).get('/v1/clusters').expect(200);
  });

  it('200: lists and reads its own', async () => {
    const { body } = await licensee.get('/v1/clusters').expect(200);
    const [cluster] = body.data;
    expect(await licensee.get(`/v1/clusters/${cluster.id}`).expect(200)).toMatchObject({ body: cluster });
  });

  it('200: a check of a cluster that is away is an answer, and is stored', async () => {
    const { body: cluster } = await register('away').expect(201);
    const check = await licensee.post(`/v1/clusters/${cluster.id}/check`, {}).expect(200);
    expect(check.body).toMatchObject({ health: 'unreachable', ready: false, permissions: [] });
    expect(check.body.message).toContain('connection refused');
    const { body } = await licensee.get(`/v1/clusters/${cluster.id}`).expect(200);
    expect(body).toMatchObject({ health: 'unreachable', healthMessage: check.body.message });
    const again = await licensee.post(`/v1/clusters/${cluster.id}/check`, {}).expect(200);
    expect(again.body.health).toBe('unreachable');
    const { body: history } = await licensee.get(`/v1/clusters/${cluster.id}/checks?limit=1`).expect(200);
    expect(history).toMatchObject({ data: [{ health: 'unreachable' }], nextCursor: expect.stringMatching(/^chk_/) });
    await neighbour.get(`/v1/clusters/${cluster.id}/checks`).expect(404);
    await neighbour.post(`/v1/clusters/${cluster.id}/rotate`).expect(404);
    expect((await licensee.post(`/v1/clusters/${cluster.id}/rotate`).expect(409)).body.code).toBe('conflict');
  });

  it('204: forgets a cluster', async () => {
    const { body: cluster } = await register('gone').expect(201);
    await licensee.delete(`/v1/clusters/${cluster.id}`).expect(204);
    await licensee.get(`/v1/clusters/${cluster.id}`).expect(404);
  });

  it.each([
    ['a command', kubeconfig('https://127.0.0.1:1', '{exec: {command: touch, args: [/tmp/x]}}'), 'kubeconfig_refused'],
    ['a file', kubeconfig('https://127.0.0.1:1', '{tokenFile: /etc/passwd}'), 'kubeconfig_refused'],
    ['a private address', kubeconfig('https://10.0.0.1:6443'), 'egress_denied'],
    ['the metadata service', kubeconfig('https://169.254.169.254'), 'egress_denied'],
    ['plain http', kubeconfig('http://127.0.0.1:1'), 'kubeconfig_invalid'],
    ['no YAML', '[', 'kubeconfig_invalid'],
  ])('400: refuses a kubeconfig with %s', async (name, text, code) => {
    const { body } = await licensee.post('/v1/clusters', { name, kubeconfig: text }).expect(400);
    expect(body.code).toBe(code);
  });

  it('400: refuses unknown fields and a kubeconfig that is too long', async () => {
    const body = { name: 'x', kubeconfig: kubeconfig('https://127.0.0.1:1'), orgId: 'org_x' };
    expect((await licensee.post('/v1/clusters', body).expect(400)).body.code).toBe('invalid_body');
    const long = { name: 'x', kubeconfig: '#'.repeat(70_000) };
    expect((await licensee.post('/v1/clusters', long).expect(400)).body.code).toBe('invalid_body');
  });

  it('201: takes server, authority and token in place of a kubeconfig, and says so', async () => {
    const body = { name: 'by-token', server: 'https://127.0.0.1:1', token: 'another-secret' };
    const { body: cluster, text } = await licensee.post('/v1/clusters', body).expect(201);
    expect(cluster).toMatchObject({ server: body.server, connection: 'direct', credential: { kind: 'token' } });
    expect(cluster.intake.kept.map(({ path }: { path: string }) => path)).toEqual(['server', 'token']);
    expect(text).not.toContain('another-secret');
  });

  it.each([
    ['nothing', {}],
    [
      'a kubeconfig and a token',
      { kubeconfig: kubeconfig('https://127.0.0.1:1'), server: 'https://127.0.0.1:1', token: 'x' },
    ],
    ['a server without a token', { server: 'https://127.0.0.1:1' }],
    ['an agent with a token', { agent: true, server: 'https://127.0.0.1:1', token: 'x' }],
  ])('400: refuses %s', async (name, access) => {
    const { body } = await licensee.post('/v1/clusters', { name, ...access }).expect(400);
    expect(body.code).toBe('invalid_body');
  });

  it.each([
    ['plain http', { server: 'http://127.0.0.1:1', token: 'x' }, 'kubeconfig_invalid', 'server'],
    [
      'a path to a certificate',
      { server: 'https://127.0.0.1:1', token: 'x', ca: '/etc/passwd' },
      'kubeconfig_invalid',
      'ca',
    ],
    [
      'a token with a line break',
      { server: 'https://127.0.0.1:1', token: 'x\r\nHost: y' },
      'kubeconfig_invalid',
      'token',
    ],
    ['a private address', { server: 'https://10.0.0.1', token: 'x' }, 'egress_denied', undefined],
    ['an address in disguise', { server: 'https://0xa9fea9fe', token: 'x' }, 'egress_denied', undefined],
    ['a mapped address', { server: 'https://[::ffff:a9fe:a9fe]', token: 'x' }, 'egress_denied', undefined],
  ])('400: refuses %s, field by field', async (name, access, code, path) => {
    const { body } = await licensee.post('/v1/clusters', { name, ...access }).expect(400);
    expect(body.code).toBe(code);
    if (path) expect(body.issues.map((issue: { path: string }) => issue.path)).toEqual([path]);
  });

  it('200: replaces a credential in place, with the same checks, and leaves the rest', async () => {
    const { body: cluster } = await register('replaced').expect(201);
    const put = (body: object) => licensee.put(`/v1/clusters/${cluster.id}/credential`, body);
    const { body, text } = await put({ token: 'new-secret' }).expect(200);
    expect(body).toMatchObject({ id: cluster.id, server: 'https://127.0.0.1:1', health: 'unknown' });
    expect(text).not.toContain('new-secret');
    expect((await put({ kubeconfig: kubeconfig('https://127.0.0.1:2') }).expect(200)).body.server).toBe(
      'https://127.0.0.1:2',
    );
    expect((await put({ kubeconfig: kubeconfig('https://10.0.0.1') }).expect(400)).body.code).toBe('egress_denied');
    expect((await put({ server: 'https://169.254.169.254', token: 'x' }).expect(400)).body.code).toBe('egress_denied');
    expect((await put({}).expect(400)).body.code).toBe('invalid_body');
    const row = await database.db.asSystem((tx) => tx.cluster.findUniqueOrThrow({ where: { id: cluster.id } }));
    expect(
      JSON.parse(
        (
          await api.platform.vault.open(row.credential ?? new Uint8Array(), [row.orgId, row.id, 'credential'])
        ).toString(),
      ),
    ).toEqual({ token: 'top-secret' });
    await neighbour.put(`/v1/clusters/${cluster.id}/credential`, { token: 'x' }).expect(404);
  });

  it('201: a cluster behind an agent gets a token for it, once', async () => {
    const { body: cluster } = await licensee.post('/v1/clusters', { name: 'private', agent: true }).expect(201);
    expect(cluster).toMatchObject({
      connection: 'agent',
      credential: { kind: 'none' },
      agentToken: expect.stringMatching(/^nma_/),
    });
    const { body, text } = await licensee.get(`/v1/clusters/${cluster.id}`).expect(200);
    expect(body.connection).toBe('agent');
    expect(text).not.toContain('nma_');
    const check = await licensee.post(`/v1/clusters/${cluster.id}/check`, {}).expect(200);
    expect(check.body).toMatchObject({ health: 'unreachable', message: expect.stringContaining('agent') });
    expect((await licensee.put(`/v1/clusters/${cluster.id}/credential`, { token: 'x' }).expect(409)).body.code).toBe(
      'conflict',
    );
  });

  it('200: writes a setup script for a namespace, and for nothing that is none', async () => {
    const { body } = await licensee.post('/v1/clusters/setup-script', { namespace: 'shop' }).expect(200);
    expect(body.script).toContain('kubectl -n shop create token nmachine');
    await licensee.post('/v1/clusters/setup-script', { namespace: 'shop; id' }).expect(400);
  });

  it('401: is not for publishers, nor for nobody', async () => {
    await acme.client.get('/v1/clusters').expect(401);
    await anyone.get('/v1/clusters').expect(401);
  });

  it('404: another customer’s is as absent as one that never was', async () => {
    const { body } = await licensee.get('/v1/clusters').expect(200);
    const { id } = body.data[0];
    const withoutId = ({ request_id: _, ...rest }: Record<string, unknown>) => rest;
    const foreign = await neighbour.get(`/v1/clusters/${id}`).expect(404);
    const absent = await neighbour.get('/v1/clusters/clu_01aaaaaaaaaaaaaaaaaaaaaaaa').expect(404);
    expect(withoutId(foreign.body)).toEqual(withoutId(absent.body));
    await neighbour.post(`/v1/clusters/${id}/check`, {}).expect(404);
    await neighbour.delete(`/v1/clusters/${id}`).expect(404);
    await neighbour.post('/v1/installs', { clusterId: id, namespace: 'x' }).expect(404);
    expect((await neighbour.get('/v1/clusters').expect(200)).body.data).toEqual([]);
  });

  it('409: the same name twice', async () => {
    expect((await register('first').expect(409)).body.code).toBe('already_exists');
  });
});

describe('installs', () => {
  it('201, 200, 409, 202: create, read, refuse twice, remove', async () => {
    const { body: cluster } = await register('with-install').expect(201);
    const body = { clusterId: cluster.id, namespace: 'shop' };
    const { body: install } = await licensee.post('/v1/installs', body).expect(201);
    expect(install).toMatchObject({
      id: expect.stringMatching(/^inst_/),
      app: 'guestbook',
      version: '1.0.0',
      state: 'provisioning',
      provisionRunId: expect.stringMatching(/^run_/),
    });
    expect((await licensee.get('/v1/installs').expect(200)).body.data).toEqual([install]);
    expect((await licensee.get(`/v1/installs/${install.id}`).expect(200)).body).toEqual(install);
    expect((await licensee.post('/v1/installs', body).expect(409)).body.code).toBe('already_exists');
    expect((await licensee.delete(`/v1/clusters/${cluster.id}`).expect(409)).body.code).toBe('conflict');
    await neighbour.get(`/v1/installs/${install.id}`).expect(404);
    await neighbour.delete(`/v1/installs/${install.id}`).expect(404);
    const removal = await licensee.delete(`/v1/installs/${install.id}`).expect(202);
    expect(removal.body.removeRunId).toMatch(/^run_/);
  });

  it('400: a namespace that is none, or the system’s', async () => {
    for (const namespace of ['Shop', 'a/b', '..', '', 'kube-system'])
      expect((await licensee.post('/v1/installs', { clusterId: 'clu_x', namespace }).expect(400)).body.code).toBe(
        'invalid_body',
      );
  });

  it('409: no more than the licence allows', async () => {
    const { body: cluster } = await register('full').expect(201);
    const codes: string[] = [];
    for (const namespace of ['a', 'b', 'c', 'd']) {
      const answer = await licensee.post('/v1/installs', { clusterId: cluster.id, namespace });
      codes.push(answer.body.code ?? 'created');
    }
    expect(codes.at(-1)).toBe('install_limit');
  });
});

describeWith(['kubernetes'], 'a real cluster through the API', () => {
  it('registers its kubeconfig, and finds it reachable and ready', async () => {
    const text = await readFile(inject('kubeconfigPath'), 'utf8');
    const { body: cluster } = await licensee.post('/v1/clusters', { name: 'real', kubeconfig: text }).expect(201);
    const { body } = await licensee.post(`/v1/clusters/${cluster.id}/check`, { namespace: 'shop' }).expect(200);
    expect(body).toMatchObject({ health: 'reachable', ready: true, version: expect.stringMatching(/^v1\./) });
  });
});
