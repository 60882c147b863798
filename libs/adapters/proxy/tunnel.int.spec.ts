import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '@nm/kernel/fault';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { engineKinds } from './engine.js';
import { type ProxyServer, startProxy } from './test/proxy-server.js';
import { rawClient, startRawUpstream } from './test/raw-peers.js';

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const opened = (socket: WebSocket) =>
  new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
const closeOf = (socket: WebSocket) => new Promise<number>((resolve) => socket.once('close', resolve));

describe.each(engineKinds)('%s', (kind) => {
  async function echo(): Promise<{ proxy: ProxyServer; url: string; sockets: WebSocketServer }> {
    const server: Server = createServer();
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const proxy = await startProxy(kind, () => origin);
    closers.push(
      () => new Promise<void>((resolve) => server.close(() => resolve())),
      () => proxy.close(),
      () => {
        for (const client of sockets.clients) client.terminate();
      },
    );
    return { proxy, url: `ws://127.0.0.1:${proxy.port}/ws`, sockets };
  }
  describe('a tunnel', () => {
    it('carries a WebSocket both ways, small and large messages, until the client closes', async () => {
      const { proxy, url } = await echo();
      const socket = new WebSocket(url, ['chat']);
      await opened(socket);
      expect(socket.protocol).toBe('chat');
      for (const message of ['hello', 'x'.repeat(3_000_000)]) {
        const answer = new Promise<string>((resolve) => socket.once('message', (data) => resolve(data.toString())));
        socket.send(message);
        expect((await answer).length).toBe(message.length);
      }
      expect([...proxy.engine.open].map(({ kind }) => kind)).toEqual(['tunnel']);
      const closed = closeOf(socket);
      socket.close(4001, 'bye');
      expect(await closed).toBe(4001);
      await expect.poll(() => proxy.outcomes[0]).toMatchObject({ status: 101 });
      expect(proxy.outcomes[0]!.bytesIn).toBeGreaterThan(3_000_000);
      expect(proxy.engine.open.size).toBe(0);
    });

    it('is closed with 1008 when its owner is cut off, and with 1001 when the server goes', async () => {
      const { proxy, url } = await echo();
      for (const [style, code] of [
        ['now', 1008],
        ['goodbye', 1001],
      ] as const) {
        const socket = new WebSocket(url);
        await opened(socket);
        const closed = closeOf(socket);
        expect(proxy.engine.cut(new Fault('licence_revoked'), ({ tag }) => tag === '/ws', style)).toBe(1);
        expect(await closed).toBe(code);
      }
      await expect.poll(() => proxy.outcomes.length).toBe(2);
      expect(proxy.outcomes[0]).toMatchObject({ fault: { code: 'licence_revoked' } });
    });

    it('ends upstream when the client vanishes, and the client when the upstream vanishes', async () => {
      const { proxy, url, sockets } = await echo();
      const first = new WebSocket(url);
      await opened(first);
      first.terminate();
      await expect.poll(() => sockets.clients.size).toBe(0);
      const second = new WebSocket(url);
      await opened(second);
      const closed = closeOf(second);
      for (const client of sockets.clients) client.terminate();
      expect(await closed).toBe(1006);
      await expect.poll(() => proxy.engine.open.size).toBe(0);
    });

    it('passes any protocol as bytes, those that came early included', async () => {
      const upstream = await startRawUpstream((socket, soFar) => {
        if (soFar.endsWith('more')) socket.end('bye');
      });
      const proxy = await startProxy(kind, () => upstream.origin);
      closers.push(
        () => upstream.close(),
        () => proxy.close(),
      );
      const client = rawClient(
        proxy.port,
        'GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: my/1\r\nX-Y: z\r\n\r\nearly',
      );
      // The upgrade is asked for without the early bytes; they follow only when it was granted.
      await expect.poll(() => upstream.text()).toContain('X-Y: z\r\n');
      upstream.sockets[0]!.write('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: my/1\r\nX-A: b\r\n\r\nhi');
      await expect.poll(() => upstream.text()).toMatch(/early$/);
      client.send('more');
      const text = await client.closed;
      expect(text).toMatch(
        /^HTTP\/1\.1 101 [A-Za-z ]+\r\nX-A: b\r\nX-Added: 1\r\nConnection: Upgrade\r\nUpgrade: my\/1\r\n\r\nhi/,
      );
      expect(text).toMatch(/bye$/);
    });

    async function rawTunnel() {
      const upstream = await startRawUpstream(() => undefined);
      const proxy = await startProxy(kind, () => upstream.origin);
      closers.push(
        () => upstream.close(),
        () => proxy.close(),
      );
      const client = rawClient(
        proxy.port,
        'POST /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n',
      );
      await expect.poll(() => upstream.text()).toContain('\r\n\r\n');
      const [far] = upstream.sockets;
      for (const socket of [client.socket, far!]) socket.allowHalfOpen = true;
      far!.write('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
      await expect.poll(() => client.text()).toContain('\r\n\r\n');
      return { client, upstream, far: far!, proxy };
    }

    it('passes the end of one direction on, and goes on in the other', async () => {
      const fromClient = await rawTunnel();
      fromClient.client.socket.end('last');
      const ended = new Promise((resolve) => fromClient.far.once('end', resolve));
      await ended;
      expect(fromClient.upstream.text()).toMatch(/last$/);
      fromClient.far.end('still here');
      expect(await fromClient.client.closed).toMatch(/still here$/);
      const fromUpstream = await rawTunnel();
      const over = new Promise((resolve) => fromUpstream.client.socket.once('end', resolve));
      fromUpstream.far.end('last');
      await over;
      fromUpstream.client.socket.end('still here');
      await expect.poll(() => fromUpstream.upstream.text()).toMatch(/still here$/);
      await expect.poll(() => fromUpstream.proxy.engine.open.size).toBe(0);
    });

    it('holds the sender back while nobody reads', async () => {
      const { client, far } = await rawTunnel();
      client.socket.pause();
      const [piece, piecesMax] = [Buffer.alloc(1024 * 1024, 'x'), 96];
      let sent = 0;
      const fill = async (patienceMs: number) => {
        while (sent < piecesMax) {
          sent++;
          if (far.write(piece)) continue;
          const drained = new Promise((resolve) => far.once('drain', () => resolve(true)));
          if (!(await Promise.race([drained, delay(patienceMs, false)]))) return;
        }
      };
      await fill(2_000);
      expect(sent).toBeLessThan(piecesMax / 2);
      client.socket.resume();
      await fill(60_000);
      far.end();
      await new Promise((resolve) => client.socket.once('end', resolve));
      client.socket.end();
      expect((await client.closed).length).toBeGreaterThanOrEqual(piecesMax * piece.length);
    }, 120_000);

    it('tells when the upstream does not switch', async () => {
      const upstream = await startRawUpstream((socket) =>
        socket.write('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno'),
      );
      const proxy = await startProxy(kind, () => upstream.origin);
      closers.push(
        () => upstream.close(),
        () => proxy.close(),
      );
      const client = rawClient(
        proxy.port,
        'GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n',
      );
      expect(await client.closed).toMatch(/^HTTP\/1\.1 403[\s\S]*X-Added: 1\r\n/);
      expect(proxy.outcomes[0]).toMatchObject({ status: 403 });
    });
  });
});
