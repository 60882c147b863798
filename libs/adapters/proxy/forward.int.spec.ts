import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { engineKinds } from './engine.js';
import { keeper } from './test/closers.js';
import { differences } from './test/differences.js';
import { type ProxyServer, startProxy } from './test/proxy-server.js';
import { type RawUpstream, rawClient, startRawUpstream } from './test/raw-peers.js';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const keep = keeper();

const answerHead = (socket: { write(text: string): unknown }, soFar: string): void => {
  if (soFar.endsWith('\r\n\r\n')) socket.write(ok);
};

/** standsStill waits until a count has not moved for a while, however loaded the machine is. */
const standsStill = (count: () => number): Promise<boolean> =>
  vi.waitUntil(
    async () => {
      const before = count();
      await sleep(300);
      return before > 0 && count() === before;
    },
    { timeout: 15_000 },
  );

describe.each(engineKinds)('%s', (kind) => {
  async function pair(
    onData: Parameters<typeof startRawUpstream>[0],
    timeouts: Parameters<typeof startProxy>[2] = {},
  ): Promise<{ upstream: RawUpstream; proxy: ProxyServer }> {
    const upstream = keep(await startRawUpstream(onData));
    return { upstream, proxy: keep(await startProxy(kind, () => upstream.origin, timeouts)) };
  }
  describe('forwarding a request', () => {
    it.each([
      '/a%2Fb',
      '/a%3Fb?x=%26&y=a+b',
      '/%7Euser/%e9',
      '/a;b=c/d,e:f@g',
      "/!$&'()*+,=~",
      '/?',
      '/a//b',
      '/[x]{y}|^`"<>',
    ])('passes the raw target %s byte for byte', async (target) => {
      const { upstream, proxy } = await pair(answerHead);
      const client = rawClient(proxy.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      await client.closed;
      expect(upstream.text().split('\r\n')[0]).toBe(`GET ${target} HTTP/1.1`);
    });

    it('passes end-to-end fields as they came, and no hop-by-hop ones, nor those that Connection names', async () => {
      const { upstream, proxy } = await pair((socket, soFar) => {
        if (!soFar.endsWith('\r\n\r\n')) return;
        socket.write(
          'HTTP/1.1 200 Fine\r\nX-Keep: a\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: X-Private, keep-alive\r\nX-Private: 1\r\n' +
            'Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nTrailer: X-T\r\nUpgrade: h2c\r\nX-Secret: 1\r\nContent-Length: 2\r\n\r\nok',
        );
      });
      const client = rawClient(
        proxy.port,
        'GET / HTTP/1.1\r\nHost: x\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nx-CASE: Kept\r\nX-Twice: 1\r\nX-Twice: 2\r\nTE: trailers\r\n' +
          'Proxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nAuthorization: secret\r\n\r\n',
      );
      const answer = await client.closed;
      const sent = upstream.text();
      expect(sent).toContain('x-CASE: Kept\r\n');
      expect(sent).toContain('X-Twice: 1\r\nX-Twice: 2\r\n');
      expect(sent.toLowerCase()).not.toMatch(/x-hop|\nte:|proxy-|upgrade|secret|trailers/);
      expect(answer).toContain('HTTP/1.1 200 Fine\r\n');
      expect(answer).toContain('X-Keep: a\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n');
      expect(answer).toContain('X-Added: 1\r\n');
      expect(answer.toLowerCase()).not.toMatch(/x-private|keep-alive|proxy-auth|trailer|upgrade|x-secret/);
    });

    it('never lets Connection remove the length or the host', async () => {
      const { upstream, proxy } = await pair((socket, soFar) => soFar.endsWith('hello') && socket.write(ok));
      const client = rawClient(
        proxy.port,
        'POST / HTTP/1.1\r\nHost: x\r\nConnection: close, content-length, host\r\nContent-Length: 5\r\n\r\nhello',
      );
      expect(await client.closed).toContain('200 OK');
      expect(upstream.text().toLowerCase()).toContain('content-length: 5\r\n');
    });

    it('sends an event on at once, without waiting for the next', async () => {
      const { upstream, proxy } = await pair((socket, soFar) => {
        if (soFar.endsWith('\r\n\r\n'))
          socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
      });
      const client = rawClient(proxy.port, 'GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
      await expect.poll(client.text, { timeout: 1000, interval: 5 }).toContain('text/event-stream');
      for (const event of ['one', 'two']) {
        upstream.sockets[0]!.write(
          `c\r\ndata: ${event} \n\n\r\n`.replace('c\r\n', `${(9 + event.length).toString(16)}\r\n`),
        );
        await expect.poll(client.text, { timeout: 1000, interval: 5 }).toContain(`data: ${event}`);
      }
      expect(proxy.engine.open.size).toBe(1);
      client.socket.destroy();
      await expect.poll(() => upstream.sockets[0]!.destroyed, { timeout: 1000 }).toBe(true);
      expect(proxy.engine.open.size).toBe(0);
    });

    it('streams a big upload and a big download with backpressure both ways', async () => {
      const size = 64 * 1024 * 1024;
      let taken = 0;
      const { upstream, proxy } = await pair((_socket, _soFar, chunk) => {
        taken += chunk.length;
      });
      // The upstream does not read: the client must be held back long before the whole body has left it.
      const upload = httpRequest({ port: proxy.port, method: 'PUT', path: '/', headers: { 'content-length': size } });
      upload.on('error', () => undefined);
      let sent = 0;
      const piece = Buffer.alloc(256 * 1024, 'x');
      const pump = (): void => {
        while (sent < size) {
          sent += piece.length;
          if (!upload.write(piece)) return void upload.once('drain', pump);
        }
        upload.end();
      };
      pump();
      await expect.poll(() => upstream.sockets.length).toBe(1);
      upstream.sockets[0]!.pause();
      await standsStill(() => sent);
      expect(sent).toBeLessThan(size / 2);
      upstream.received[0]!.length = 0;
      upstream.sockets[0]!.resume();
      await expect.poll(() => taken, { timeout: 15_000 }).toBeGreaterThan(size);
      // And back: the client does not read, so the upstream is held back.
      const answered = new Promise<import('node:http').IncomingMessage>((resolve) => upload.once('response', resolve));
      const socket = upstream.sockets[0]!;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      let written = 0;
      const fill = (): void => {
        while (written < size) {
          written += piece.length;
          if (!socket.write(piece)) return void socket.once('drain', fill);
        }
      };
      fill();
      const response = await answered;
      await standsStill(() => written);
      expect(written).toBeLessThan(size / 2);
      let got = 0;
      for await (const chunk of response) got += (chunk as Buffer).length;
      expect(got).toBe(size);
      await expect.poll(() => proxy.outcomes[0]).toMatchObject({ status: 200, bytesIn: size, bytesOut: size });
    });

    it('asks for the body only when the upstream is there, and tells the client to continue', async () => {
      const { upstream, proxy } = await pair((socket, soFar) => soFar.endsWith('hello') && socket.write(ok));
      const client = rawClient(
        proxy.port,
        'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n',
      );
      await expect.poll(client.text).toContain('HTTP/1.1 100 Continue\r\n\r\n');
      client.send('hello');
      expect(await client.closed).toContain('200 OK');
      expect(upstream.text().toLowerCase()).not.toContain('expect');
    });

    it('re-frames a chunked body, and passes early hints where the engine can', async () => {
      const { upstream, proxy } = await pair((socket, soFar) => {
        if (soFar.endsWith('0\r\n\r\n')) socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}`);
      });
      const client = rawClient(
        proxy.port,
        'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      );
      const answer = await client.closed;
      expect(answer).toMatch(/(^|\r\n)HTTP\/1\.1 200 OK/);
      expect(answer.includes('103 Early Hints\r\nLink: </a>\r\n\r\n')).toBe(differences[kind].interimAnswers);
      expect(upstream.text()).toContain('3\r\nabc\r\n0\r\n\r\n');
    });

    it('keeps one connection for many requests, and gives HEAD and 304 no body', async () => {
      const { upstream, proxy } = await pair((socket, soFar) => {
        if (!soFar.endsWith('\r\n\r\n')) return;
        const last = soFar.split('\r\n\r\n').at(-2) ?? '';
        if (last.startsWith('HEAD'))
          socket.write('HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 999\r\n\r\n');
        else if (last.startsWith('GET /304')) socket.write('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n');
        else socket.write(ok);
      });
      const client = rawClient(proxy.port, 'GET /304 HTTP/1.1\r\nHost: x\r\n\r\n');
      await expect.poll(client.text).toContain('304 Not Modified');
      client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await expect.poll(client.text).toMatch(/ok$/);
      expect(upstream.sockets).toHaveLength(1);
      client.send('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n');
      await expect.poll(client.text).toContain('Content-Length: 999');
      client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      expect(await client.closed).toMatch(/ok$/);
    });
  });

  describe('a request that fails', () => {
    const get = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

    it('says 503 upstream_unreachable when the connection is refused, after asking once for another address', async () => {
      const dead = await startRawUpstream(() => undefined);
      await dead.close();
      let asked = 0;
      const proxy = keep(
        await startProxy(
          kind,
          () => dead.origin,
          {},
          async () => {
            asked++;
            return { origin: dead.origin, path: '/again' };
          },
        ),
      );
      expect(await rawClient(proxy.port, get).closed).toMatch(/503[\s\S]*upstream_unreachable$/);
      expect(asked).toBe(1);
    });

    it('repeats a request with its body at the other address, because nothing of it was sent', async () => {
      const dead = await startRawUpstream(() => undefined);
      await dead.close();
      const alive = keep(await startRawUpstream((socket, soFar) => soFar.endsWith('hello') && socket.write(ok)));
      const proxy = keep(
        await startProxy(
          kind,
          () => dead.origin,
          {},
          async () => ({ origin: alive.origin, path: '/again' }),
        ),
      );
      const post = 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello';
      expect(await rawClient(proxy.port, post).closed).toContain('200 OK');
      expect(alive.text()).toMatch(/^POST \/again HTTP\/1\.1[\s\S]*hello$/);
    });

    it.each<[string, (socket: Socket, soFar: string) => void]>([
      ['at once', (socket) => socket.destroy()],
      ['in the middle of its head', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-')],
      [
        'on a connection that has served before',
        (socket, soFar) =>
          soFar.includes('/first') && !soFar.includes('/again') ? socket.write(ok) : socket.destroy(),
      ],
    ])(
      'says 502 upstream_reset when the upstream hangs up %s, and never sends the request twice',
      async (_when, act) => {
        const spare = keep(await startRawUpstream((socket) => socket.write(ok)));
        const upstream = keep(await startRawUpstream(act));
        const origin = (): string => upstream.origin;
        const other = { origin: spare.origin, path: '/' };
        const proxy = keep(await startProxy(kind, origin, {}, () => Promise.resolve(other)));
        await rawClient(proxy.port, get.replace('/', '/first')).closed;
        expect(await rawClient(proxy.port, get.replace('/', '/again')).closed).toMatch(/502[\s\S]*upstream_reset$/);
        await sleep(50);
        const seen = upstream.received.map((_, i) => upstream.text(i)).join('');
        expect([seen.split('/again').length - 1, spare.sockets.length]).toEqual([1, 0]);
      },
    );

    it('says 502 when the upstream speaks no HTTP', async () => {
      const { proxy } = await pair((socket) => socket.end('SSH-2.0-nope\r\n'));
      expect(await rawClient(proxy.port, get).closed).toMatch(/502[\s\S]*upstream_reset$/);
    });

    it('says 504 upstream_timeout when no head comes in time', async () => {
      const { upstream, proxy } = await pair(() => undefined, { headersMs: 300 });
      expect(await rawClient(proxy.port, get).closed).toMatch(/504[\s\S]*upstream_timeout$/);
      expect(upstream.sockets[0]!.destroyed || upstream.sockets[0]!.readableEnded).toBe(true);
    });

    it('says 408 body_timeout when the client stops sending, and frees the upstream', async () => {
      const { upstream, proxy } = await pair(() => undefined, { idleMs: 300 });
      const post = 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhe';
      expect(await rawClient(proxy.port, post).closed).toMatch(/408[\s\S]*body_timeout$/);
      await expect.poll(() => upstream.sockets[0]!.destroyed || upstream.sockets[0]!.readableEnded).toBe(true);
    });

    it('cuts the connection when the upstream breaks off inside a body, so that nobody takes it for whole', async () => {
      const { proxy } = await pair((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'));
      const client = rawClient(proxy.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      expect(await client.closed).toMatch(/half$/);
      expect(proxy.outcomes[0]).toMatchObject({ status: 200, fault: { code: 'upstream_reset' } });
      const chunked = await pair((socket) =>
        socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'),
      );
      const text = await rawClient(chunked.proxy.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n').closed;
      expect(text).toContain('half');
      expect(text).not.toContain('0\r\n\r\n');
    });

    it.each([
      ['waits for the head', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', ''],
      ['has the head', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx'],
      ['sends its body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx', ''],
    ])('aborts upstream when the client leaves while it %s', async (_name, text, reply) => {
      const { upstream, proxy } = await pair((socket) => void (reply && socket.write(reply)));
      const client = rawClient(proxy.port, text);
      await expect.poll(() => upstream.text()).not.toBe('');
      await sleep(30);
      client.socket.destroy();
      await expect.poll(() => upstream.sockets[0]!.destroyed || upstream.sockets[0]!.readableEnded).toBe(true);
      await expect.poll(() => proxy.outcomes[0]).toMatchObject({ clientGone: true });
      expect(proxy.engine.open.size).toBe(0);
    });

    it('does not leak upstream connections when clients vanish while they were not reading', async () => {
      const piece = Buffer.alloc(1024 * 1024);
      const { upstream, proxy } = await pair((socket, soFar) => {
        if (!soFar.endsWith('\r\n\r\n')) return;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * piece.length}\r\n\r\n`);
        for (let i = 0; i < 64; i++) socket.write(piece);
      });
      const clients = Array.from({ length: 8 }, () => rawClient(proxy.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
      for (const { socket } of clients) socket.pause();
      await expect.poll(() => upstream.sockets.length).toBe(8);
      await sleep(200);
      for (const { socket } of clients) socket.destroy();
      await expect.poll(() => upstream.sockets.filter((socket) => !socket.destroyed).length, { timeout: 3000 }).toBe(0);
      expect(proxy.engine.open.size).toBe(0);
    });

    it('answers early and frees the connection when the upstream does not want the body', async () => {
      const { proxy } = await pair((socket, soFar) => {
        if (soFar.includes('\r\n\r\n'))
          socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      });
      const client = rawClient(proxy.port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nstart');
      await expect.poll(client.text).toContain('413');
      await client.closed;
      expect(proxy.engine.open.size).toBe(0);
    });
  });
});
