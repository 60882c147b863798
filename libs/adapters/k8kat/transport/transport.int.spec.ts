import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { EgressPolicy } from '@nm/adapters/egress';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CertifiedKey, selfSigned } from '../../../testing/certificates.js';
import { KubeSession } from '../index.js';

type Handler = (request: Http2ServerRequest, response: Http2ServerResponse, count: number) => void;

const json = (
  response: Http2ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
const status = (code: number, reason: string, message = 'because') => ({ kind: 'Status', code, reason, message });

describe.each([
  ['HTTP/1.1', 'off'],
  ['HTTP/2', 'all'],
] as const)('KubeSession over %s against a server that misbehaves', (protocol, http2) => {
  const policy = new EgressPolicy({ allow: ['127.0.0.0/8'] });
  let certified: CertifiedKey;
  let server: Http2SecureServer;
  /** The server's ends of its connections. */
  const sockets = new Set<TLSSocket>();
  const sessions = new Set<ServerHttp2Session>();
  let session: KubeSession;
  let handshakes = 0;
  /** Of the last request. */
  let version = '';
  let requests: string[] = [];
  let handler: Handler;

  beforeAll(async () => {
    certified = await selfSigned('api', { ip: ['127.0.0.1'] });
    const options = { cert: certified.certificate, key: certified.key, allowHTTP1: true };
    server = createSecureServer(options, (request, response) => {
      version = `HTTP/${request.httpVersion.replace('2.0', '2')}`;
      requests.push(`${request.method} ${request.url}`);
      handler(request, response, requests.length);
    });
    server.on('secureConnection', (socket) => {
      handshakes++;
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.on('session', (opened) => {
      sessions.add(opened);
      opened.once('close', () => sessions.delete(opened));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  beforeEach(() => {
    requests = [];
    const { port } = server.address() as AddressInfo;
    session = new KubeSession(
      { server: `https://127.0.0.1:${port}/base/`, ca: certified.certificate, token: 'tok' },
      { policy, timeoutMs: 2_000, http2 },
    );
  });
  afterEach(() => session.close());

  it('sends the token, and puts the path of the server’s URL before every path', async () => {
    let authorization: string | undefined;
    handler = (request, response) => {
      authorization = request.headers.authorization;
      json(response, 200, { gitVersion: 'v1.2.3' });
    };
    expect(await session.version()).toBe('v1.2.3');
    expect(requests).toEqual(['GET /base/version']);
    expect(version).toBe(protocol);
    expect(authorization).toBe('Bearer tok');
  });

  it('makes one TLS handshake for 100 requests in a row, refused ones included', async () => {
    handler = (request, response) =>
      request.url?.endsWith('no') ? json(response, 404, status(404, 'NotFound')) : json(response, 200, {});
    const before = handshakes;
    for (let i = 0; i < 50; i++) {
      await session.request('GET', '/yes');
      await session.request('GET', '/no').catch(() => undefined);
    }
    expect(requests).toHaveLength(100);
    expect(handshakes - before).toBe(1);
  });

  it.each([
    [401, 'Unauthorized', 'cluster_unauthorized'],
    [403, 'Forbidden', 'cluster_forbidden'],
    [404, 'NotFound', 'kube_api'],
    [409, 'AlreadyExists', 'kube_api'],
    [422, 'Invalid', 'kube_api'],
    [500, 'InternalError', 'kube_api'],
  ])('types %i %s as %s', async (code, reason, expected) => {
    handler = (_, response) => json(response, code, status(code, reason));
    await expect(session.request('GET', '/x')).rejects.toMatchObject({
      code: expected,
      extra: { status: code, reason },
    });
    expect(requests).toHaveLength(1);
  });

  it.each([429, 503])('waits and asks again after %i with Retry-After', async (code) => {
    handler = (_, response, count) =>
      count < 3
        ? json(response, code, status(code, 'TooManyRequests'), { 'retry-after': '0' })
        : json(response, 200, { ok: 1 });
    expect(await session.request('GET', '/x')).toEqual({ ok: 1 });
    expect(requests).toHaveLength(3);
  });

  it('gives up after two repetitions, and repeats no POST at all', async () => {
    handler = (_, response) => json(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '0' });
    await expect(session.request('GET', '/x')).rejects.toMatchObject({ extra: { status: 429 } });
    expect(requests).toHaveLength(3);
    await expect(session.request('POST', '/x', { body: {} })).rejects.toMatchObject({ extra: { status: 429 } });
    expect(requests).toHaveLength(4);
  });

  it('repeats a read whose connection broke, and never a POST', async () => {
    handler = (request, response, count) => {
      if (count === 1 || request.method === 'POST') for (const socket of sockets) socket.destroy();
      else json(response, 200, { ok: 1 });
    };
    expect(await session.request('GET', '/x')).toEqual({ ok: 1 });
    await expect(session.request('POST', '/x', { body: {} })).rejects.toMatchObject({ code: 'cluster_unreachable' });
    expect(requests).toHaveLength(3);
  });

  it.each(['request', 'stream'] as const)(
    'asks for another token when a %s is refused (401), and says so when that one is refused too',
    async (way) => {
      const tokens = ['old', 'new', 'newer'];
      const seen: (string | undefined)[] = [];
      let good = 'Bearer new';
      handler = ({ headers }, response) => {
        seen.push(headers.authorization);
        if (headers.authorization === good) json(response, 200, { ok: 1 });
        else json(response, 401, status(401, 'Unauthorized'));
      };
      const { port } = server.address() as AddressInfo;
      const renewing = new KubeSession(
        {
          server: `https://127.0.0.1:${port}`,
          ca: certified.certificate,
          token: async () => tokens[0] ?? 'none',
          onTokenRefused: () => void tokens.shift(),
        },
        { policy, http2 },
      );
      const ask = () =>
        way === 'request' ? renewing.request('GET', '/x') : renewing.stream('/x').then((body) => body.json());
      expect(await ask()).toEqual({ ok: 1 });
      expect(await ask()).toEqual({ ok: 1 });
      expect(seen).toEqual(['Bearer old', 'Bearer new', 'Bearer new']);
      good = 'Bearer of somebody else';
      await expect(ask()).rejects.toMatchObject({ code: 'cluster_unauthorized' });
      expect(seen.slice(3)).toEqual(['Bearer new', 'Bearer newer']);
      await renewing.close();
    },
  );

  it('ends a request that takes too long, as unreachable', async () => {
    handler = () => undefined;
    await expect(session.request('GET', '/x', { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'cluster_unreachable',
      extra: { reason: 'TimeoutError' },
    });
  });

  it('ends a request whose signal aborts, with its reason, while it waits and while it reads', async () => {
    for (const begin of [false, true]) {
      const stop = new AbortController();
      handler = (_, response) => {
        if (begin) response.writeHead(200).write('{');
        setTimeout(() => stop.abort(new Error('enough')), 50);
      };
      const sent = session.request('GET', '/x', { signal: stop.signal, timeoutMs: 60_000 });
      await expect(sent).rejects.toThrow('enough');
    }
  });

  it('understands a proxy that answers in HTML', async () => {
    handler = (_, response) => void response.writeHead(502).end('<html>Bad gateway</html>');
    await expect(session.request('GET', '/x')).rejects.toMatchObject({ code: 'kube_api', extra: { status: 502 } });
  });

  it('stops reading an answer without end', async () => {
    handler = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const chunk = Buffer.alloc(1024 * 1024, 0x20);
      const pump = (): void => void response.write(chunk, (error) => !error && pump());
      pump();
    };
    await expect(session.request('GET', '/x', { timeoutMs: 20_000 })).rejects.toMatchObject({
      code: 'kube_api',
      publicMessage: expect.stringContaining('too large'),
    });
  });

  it('does not let a name leave its place in the path', async () => {
    handler = (_, response) =>
      json(response, 200, { resources: [{ name: 'configmaps', kind: 'ConfigMap', namespaced: true }] });
    for (const name of ['..', '.', 'a/b', '%2e%2e', 'a%2fb', ''])
      await expect(session.get({ apiVersion: 'v1', kind: 'ConfigMap', name }, 'ns')).rejects.toMatchObject({
        code: 'plan_invalid',
      });
    await expect(session.get({ apiVersion: 'v1', kind: 'ConfigMap', name: 'x' }, '..')).rejects.toMatchObject({
      code: 'plan_invalid',
    });
    await expect(session.get({ apiVersion: '../v1', kind: 'X', name: 'x' }, 'ns')).rejects.toMatchObject({
      code: 'plan_invalid',
    });
    expect(requests).toEqual(['GET /base/api/v1']);
  });

  it('starts a list over in one piece when its snapshot expired', async () => {
    handler = (request, response) => {
      if (request.url?.includes('/api/v1?') || request.url?.endsWith('/api/v1'))
        return json(response, 200, { resources: [{ name: 'pods', kind: 'Pod', namespaced: true }] });
      if (request.url?.includes('continue=')) return json(response, 410, status(410, 'Expired'));
      const paged = request.url?.includes('limit=');
      return json(response, 200, {
        items: [{ metadata: { name: paged ? 'part' : 'whole' } }],
        metadata: paged ? { continue: 'x' } : {},
      });
    };
    const { items } = await session.list({ apiVersion: 'v1', kind: 'Pod' });
    expect(items.map((item) => item.metadata?.name)).toEqual(['whole']);
  });

  it('lists again when a watch has lost its place, and opens a silent stream anew', async () => {
    const lists: string[] = [];
    let watches = 0;
    handler = (request, response) => {
      if (request.url?.endsWith('/api/v1'))
        return json(response, 200, { resources: [{ name: 'pods', kind: 'Pod', namespaced: true }] });
      if (!request.url?.includes('watch=true')) {
        lists.push(request.url ?? '');
        return json(response, 200, { items: [], metadata: { resourceVersion: `${lists.length}0` } });
      }
      watches++;
      response.writeHead(200);
      const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '15' } } };
      if (watches === 1) return void response.write(`${JSON.stringify(bookmark)}\n`);
      if (watches === 2)
        return void response.end(`${JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') })}\n`);
      const added = { type: 'ADDED', object: { metadata: { name: 'p', resourceVersion: '21' } } };
      const line = JSON.stringify(added);
      response.write(line.slice(0, 10));
      return void setTimeout(() => response.write(`${line.slice(10)}\n`), 20);
    };
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const event of session.watch({
      apiVersion: 'v1',
      kind: 'Pod',
      signal: stop.signal,
      silenceMsMax: 150,
    })) {
      seen.push(event.type);
      if (event.type === 'added') stop.abort();
    }
    expect(seen).toEqual(['list', 'list', 'added']);
    expect(
      requests.filter((line) => line.includes('watch=true')).map((line) => /resourceVersion=(\d+)/.exec(line)?.[1]),
    ).toEqual(['10', '15', '20']);
  });

  it('is refused by the policy before anything is dialled', async () => {
    const before = handshakes;
    const closed = new KubeSession(
      { server: session.server.href, token: 'tok' },
      { policy: new EgressPolicy(), http2 },
    );
    await expect(closed.request('GET', '/x')).rejects.toMatchObject({ code: 'egress_denied' });
    await expect(closed.stream('/x')).rejects.toMatchObject({ code: 'egress_denied' });
    await closed.close();
    expect(handshakes).toBe(before);
  });

  it('checks the certificate', async () => {
    const { certificate } = await selfSigned('other', { ip: ['127.0.0.1'] });
    const wrong = new KubeSession({ server: session.server.href, ca: certificate }, { policy, http2 });
    for (const ask of [() => wrong.request('GET', '/x'), () => wrong.stream('/x')])
      await expect(ask()).rejects.toMatchObject({ code: 'cluster_unreachable' });
    await wrong.close();
    expect(requests).toEqual([]);
  });

  it('sends each group of an impersonation in a field of its own', async () => {
    let groups: string[] = [];
    handler = ({ rawHeaders }, response) => {
      groups = rawHeaders.filter((_, i, all) => i % 2 === 1 && all[i - 1]?.toLowerCase() === 'impersonate-group');
      json(response, 200, {});
    };
    await session.as({ user: 'ada', groups: ['dev'] }).request('GET', '/x');
    expect([groups, version]).toEqual([['dev'], protocol]);
    await session.as({ user: 'ada', groups: ['dev', 'ops'] }).request('GET', '/x');
    // Joined with a comma, as undici's HTTP/2 does, they would be one group of another name.
    expect([groups, version]).toEqual([['dev', 'ops'], 'HTTP/1.1']);
  });

  it('a signal that aborts ends its own stream and no other', async () => {
    handler = (_, response) => {
      response.writeHead(200);
      response.write('{"type":"BOOKMARK","object":{}}\n');
    };
    const stop = new AbortController();
    const [ended, stays] = await Promise.all([session.stream('/a', { signal: stop.signal }), session.stream('/b')]);
    stop.abort();
    await expect(ended.text()).rejects.toThrow();
    expect((await stays[Symbol.asyncIterator]().next()).value).toBeDefined();
    expect(stays.destroyed).toBe(false);
    stays.destroy();
  });

  it(`forty watches use ${http2 === 'all' ? 'one connection' : 'a connection each'}`, async () => {
    const before = handshakes;
    handler = (_, response) => {
      response.writeHead(200);
      response.write('\n');
    };
    const watches = await Promise.all(Array.from({ length: 40 }, () => session.stream('/watch')));
    expect(handshakes - before).toBe(http2 === 'all' ? 1 : 40);
    for (const watch of watches) watch.destroy();
  });

  it('a server that goes away cuts its streams, and the next request finds the new one', async () => {
    handler = (request, response) => {
      if (request.url?.endsWith('/watch')) {
        response.writeHead(200);
        response.write('\n');
      } else json(response, 200, { ok: 1 });
    };
    const watch = await session.stream('/watch');
    for (const opened of sessions) opened.goaway();
    for (const socket of sockets) socket.destroy();
    await expect(watch.text()).rejects.toThrow();
    expect(await session.request('GET', '/x')).toEqual({ ok: 1 });
  });
});
