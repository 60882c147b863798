import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

const projectRoot = resolve(import.meta.dirname, '../../..');
const program = join(projectRoot, 'dist/examples/guestbook/src/main.js');

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

/** What NMachine and the cluster behind its proxy say, as far as the guestbook asks them. */
class Surroundings {
  kamafile: { metadata: { resourceVersion: string }; data: Record<string, string> } | undefined;
  runs: Record<string, unknown>[] = [];
  seen: string[] = [];
  conflicts = 0;
  keyFetches = 0;
  readonly #jwks: () => object;

  constructor(jwks: () => object) {
    this.#jwks = jwks;
  }

  answer(method: string, url: string, authorization: string | undefined, body: string): [number, unknown] {
    this.seen.push(`${method} ${url}`);
    if (url === '/.well-known/jwks.json') {
      this.keyFetches++;
      return [200, this.#jwks()];
    }
    if (!authorization?.startsWith('Bearer ey')) return [401, { code: 'unauthenticated' }];
    if (url === '/v1/runs') return [201, { id: `run_${this.runs.push(JSON.parse(body))}` }];
    if (url === '/v1/runs/run_1')
      return [200, { id: 'run_1', status: 'queued', progress: { id: 'run_1', status: 'idle' } }];
    if (url === '/v1/runs/run_9')
      return [200, { status: 'timed_out', progress: {}, error: { code: 'run_timeout', reason: 'too long' } }];
    if (url.startsWith('/v1/runs/')) return [404, { code: 'not_found' }];
    const maps = '/clusters/clu_1/proxy/api/v1/namespaces/guestbook/configmaps';
    if (url === `${maps}/kamafile` && method === 'GET')
      return this.kamafile ? [200, this.kamafile] : [404, { reason: 'NotFound' }];
    if ((url === maps && method === 'POST') || (url === `${maps}/kamafile` && method === 'PUT')) {
      const next = JSON.parse(body);
      const expected = this.kamafile?.metadata.resourceVersion;
      if (this.conflicts-- > 0 || next.metadata.resourceVersion !== expected) return [409, { reason: 'Conflict' }];
      next.metadata.resourceVersion = String(Number(expected ?? 0) + 1);
      this.kamafile = next;
      return [200, next];
    }
    return [500, {}];
  }
}

describe('the guestbook as a KAMA', () => {
  let world: Surroundings;
  let upstream: Server;
  let child: ChildProcess;
  let url: string;
  let sign: (claims?: object, options?: { aud?: string; expired?: boolean }) => Promise<string>;
  const install = { install: { id: 'inst_1', cluster: 'clu_1', namespace: 'guestbook' } };

  beforeAll(async () => {
    expect(existsSync(program), 'run `npm run build` first').toBe(true);
    const { publicKey, privateKey } = await generateKeyPair('EdDSA');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'EdDSA' };
    sign = (claims = {}, { aud = 'app_1', expired = false } = {}) =>
      new SignJWT({ mode: 'full', entitlements: { replicas_max: 5 }, ...claims })
        .setProtectedHeader({ alg: 'EdDSA', kid: 'k1' })
        .setIssuer('nmachine')
        .setAudience([aud, 'nm-install'])
        .setExpirationTime(expired ? '-1m' : '4m')
        .sign(privateKey);
    world = new Surroundings(() => ({ keys: [jwk] }));
    const respond = async (request: IncomingMessage, response: ServerResponse) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const [status, value] = world.answer(
        request.method ?? '',
        request.url ?? '',
        request.headers.authorization,
        body,
      );
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    upstream = createServer((request, response) => void respond(request, response)).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    child = spawn(process.execPath, [program], {
      env: {
        PORT: String(port),
        HOST: '127.0.0.1',
        NM_APP_ID: 'app_1',
        NM_ORG: 'acme',
        NM_APP: 'guestbook',
        NM_VERSION: '1.0.0',
        NM_API_URL: base,
        NM_GATEWAY_URL: base,
        NM_JWKS_URL: `${base}/.well-known/jwks.json`,
      },
      stdio: 'inherit',
    });
    await vi.waitUntil(
      () =>
        fetch(`${url}/api/ping`).then(
          (answer) => answer.ok,
          () => false,
        ),
      { timeout: 10_000, interval: 10 },
    );
  });
  afterAll(() => {
    child?.kill('SIGKILL');
    upstream?.close();
  });
  beforeEach(() => {
    Object.assign(world, { kamafile: undefined, runs: [], seen: [], conflicts: 0 });
  });

  const ask = async (method: string, path: string, token?: string, body?: unknown) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: token === undefined ? {} : { 'nm-context': token },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, never> };
  };

  it('answers its health path without asking anybody', async () => {
    expect(await ask('GET', '/api/ping')).toEqual({ status: 200, body: { ping: 'pong' } });
    expect(world.seen).toEqual([]);
  });

  it('says that no cluster is connected when the licence has no install, and shows no token', async () => {
    const token = await sign();
    const { status, body } = await ask('GET', '/api/status', token);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      app_id: 'app_1',
      install_id: null,
      cluster_connection: { is_k8kat_connected: false },
    });
    const connected = await ask('GET', '/api/status', await sign(install));
    expect(connected.body).toMatchObject({ is_healthy: true, ns: 'guestbook', ktea_variables: { 'web.replicas': 1 } });
    expect(JSON.stringify([body, connected.body])).not.toMatch(/eyJ|token/);
  });

  it('believes only what NMachine signed for this app', async () => {
    const good = await sign(install);
    const forged = `${good.slice(0, -6)}AAAAAA`;
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.`;
    for (const token of [
      forged,
      none,
      await sign(install, { aud: 'app_2' }),
      await sign(install, { expired: true }),
      'x',
    ])
      expect(await ask('GET', '/api/variables', token)).toMatchObject({ status: 401, body: { error: 'bad_context' } });
    expect(await ask('GET', '/api/variables')).toMatchObject({ status: 401, body: { error: 'no_context' } });
    expect(await ask('GET', '/api/variables', await sign())).toMatchObject({
      status: 409,
      body: { error: 'no_install' },
    });
    expect(world.keyFetches, 'keys are kept').toBeLessThanOrEqual(2);
  });

  it('keeps what is set in the Kamafile on the cluster, in its layout', async () => {
    const token = await sign(install);
    const set = await ask('POST', '/api/variables/commit', token, { assignments: { web: { replicas: 3 } } });
    expect(set.status).toBe(200);
    const state = JSON.parse(world.kamafile?.data['app'] ?? '{}');
    expect(state).toMatchObject({ app_id: 'app_1', install_id: 'inst_1', user_vars: { web: { replicas: 3 } } });
    expect(state.default_vars.web.replicas).toBe(1);
    expect(world.kamafile).toMatchObject({ metadata: { labels: { managed_by: 'nmachine' } } });
    expect(JSON.stringify(world.kamafile)).not.toContain('eyJ');
    await ask('POST', '/api/variables/commit', token, { assignments: { 'web.greeting': 'Hi' } });
    const { body } = await ask('GET', '/api/variables/all', token);
    const values = Object.fromEntries(
      (body['data'] as unknown as { id: string; value: unknown }[]).map((v) => [v.id, v.value]),
    );
    expect(values).toMatchObject({ 'web.replicas': 3, 'web.greeting': 'Hi' });
  });

  it('reads again and repeats when somebody else has written meanwhile', async () => {
    world.conflicts = 2;
    const token = await sign(install);
    expect((await ask('POST', '/api/variables/commit', token, { assignments: { 'web.replicas': 2 } })).status).toBe(
      200,
    );
    world.conflicts = 99;
    const busy = await ask('POST', '/api/variables/commit', token, { assignments: { 'web.replicas': 4 } });
    expect(busy).toMatchObject({ status: 409, body: { error: 'kamafile_busy' } });
    expect(JSON.parse(world.kamafile?.data['app'] ?? '{}').user_vars.web.replicas).toBe(2);
  });

  it('turns an action into a run and shows it as a job', async () => {
    const token = await sign(install);
    const run = await ask('POST', '/api/actions/install/run', token);
    expect(run).toMatchObject({ status: 200, body: { data: { job_id: 'run_1' }, job_id: 'run_1' } });
    expect(world.runs[0]).toMatchObject({ action: 'install', title: 'Install' });
    expect((await ask('GET', '/api/app/jobs/run_1/status', token)).body).toEqual({
      data: { status: 'running', progress: { id: 'run_1', status: 'idle' }, result: null },
    });
    expect((await ask('GET', '/api/app/jobs/run_9/status', token)).body['data']).toMatchObject({
      status: 'negative',
      result: { code: 'run_timeout' },
    });
    expect((await ask('GET', '/api/app/jobs/run_2/status', token)).status).toBe(404);
  });

  it('scales by the body or by the variable, within the entitlement', async () => {
    const token = await sign(install);
    await ask('POST', '/api/actions/scale/run', token, { replicas: 4 });
    await ask('POST', '/api/actions/scale/run', token);
    for (const run of world.runs) expect(JSON.stringify(run)).toContain('"replicas":4');
    const tooMany = await ask('POST', '/api/actions/scale/run', token, { replicas: 6 });
    expect(tooMany).toMatchObject({ status: 403, body: { error: 'entitlement_exceeded' } });
    expect((await ask('POST', '/api/actions/scale/run', token, { replicas: 'all' })).status).toBe(400);
    expect(world.runs).toHaveLength(2);
  });

  it('changes nothing for a licence that may only read', async () => {
    const token = await sign({ ...install, mode: 'read-only' });
    expect((await ask('GET', '/api/variables', token)).status).toBe(200);
    for (const path of ['/api/variables/commit', '/api/variables/commit-apply', '/api/actions/install/run'])
      expect(await ask('POST', path, token, {})).toMatchObject({ status: 403, body: { error: 'licence_read_only' } });
    expect([world.runs, world.kamafile]).toEqual([[], undefined]);
  });

  it('answers nonsense with an error and a reason', async () => {
    const token = await sign(install);
    const bad = [
      [404, await ask('GET', '/api/nothing', token)],
      [405, await ask('DELETE', '/api/variables', token)],
      [404, await ask('POST', '/api/actions/explode/run', token)],
      [400, await ask('POST', '/api/variables', token, '{broken')],
      [400, await ask('POST', '/api/variables', token, '[]')],
      [413, await ask('POST', '/api/variables', token, JSON.stringify({ a: 'x'.repeat(70_000) }))],
    ] as const;
    for (const [status, answer] of bad) {
      expect(answer.status).toBe(status);
      expect(answer.body).toEqual({ error: expect.any(String), reason: expect.any(String) });
    }
  });
});

describe('the two workloads of the guestbook', () => {
  const children: ChildProcess[] = [];
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });
  const run = async (part: string, port: number, env: Record<string, string>) => {
    const child = spawn(process.execPath, [program, part], {
      env: { PORT: String(port), HOST: '127.0.0.1', ...env },
      stdio: 'inherit',
    });
    children.push(child);
    const ready = () =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        (answer) => answer.status,
        () => 0,
      );
    await expect.poll(ready, { interval: 10 }).toBe(200);
    return child;
  };

  it('shows what visitors wrote, escaped, also after the store was killed, and ends by itself', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'guestbook-'));
    const [storePort, webPort] = [await freePort(), await freePort()];
    const storeEnv = { STORE_FILE: join(folder, 'entries.jsonl'), ENTRIES_MAX: '2' };
    const store = await run('store', storePort, storeEnv);
    const web = await run('web', webPort, { STORE_URL: `http://127.0.0.1:${storePort}`, GREETING: 'Hello & welcome' });
    const page = async (text?: string) =>
      (
        await fetch(`http://127.0.0.1:${webPort}/`, {
          ...(text === undefined ? {} : { method: 'POST', body: new URLSearchParams({ text }) }),
        })
      ).text();
    expect(await page()).toContain('Hello &#38; welcome');
    await page('first');
    await page('<script>alert(1)</script>');
    expect(await page('third')).not.toContain('first');
    store.kill('SIGKILL');
    await new Promise((ended) => store.once('exit', ended));
    await run('store', storePort, storeEnv);
    expect(await page()).toMatch(/third.*&#60;script&#62;/s);
    web.kill('SIGTERM');
    expect(await new Promise((ended) => web.once('exit', ended))).toBe(0);
    await rm(folder, { recursive: true });
  });
});
