import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { selfSigned } from '../../testing/certificates.js';
import { engineKinds } from './engine.js';
import { type ProxyServer, startProxy } from './test/proxy-server.js';

const generous = { timeout: 30_000, interval: 20 };

describe.each(engineKinds)('%s over TLS', (kind) => {
  let folder: string;
  let ca: string;
  const reloads: unknown[] = [];
  const closers: (() => unknown)[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nm-tls-'));
    reloads.length = 0;
    ca = (await writePair('one')).certificate;
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Replaces both files, the certificate first, as whoever renews them may do. */
  async function writePair(name: string) {
    const pair = await selfSigned(name, { ip: ['127.0.0.1'] });
    await put('gateway.crt', pair.certificate);
    await put('gateway.key', pair.key);
    return pair;
  }
  async function put(name: string, text: string): Promise<void> {
    await writeFile(join(folder, `${name}.new`), text);
    await rename(join(folder, `${name}.new`), join(folder, name));
  }
  const files = () => ({ certFile: join(folder, 'gateway.crt'), keyFile: join(folder, 'gateway.key') });
  const listen = async (origin: string, options: Parameters<typeof startProxy>[2] = {}) => {
    const proxy = await startProxy(kind, () => origin, options);
    closers.push(() => proxy.close());
    const onReload = (error?: unknown): void => void reloads.push(error);
    const place = { hosts: ['127.0.0.1'], port: 0, lookEveryMs: 20 };
    return { proxy, port: await proxy.engine.listenTls({ ...place, ...files(), onReload }) };
  };

  /** An upstream that sends bodies back, and tells what it was told of the client. */
  async function start(options: Parameters<typeof startProxy>[2] = {}): Promise<{ proxy: ProxyServer; port: number }> {
    const server = createServer((incoming, response) => {
      response.setHeader('x-saw', incoming.headers['x-client'] ?? '');
      incoming.pipe(response);
    });
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      server.close();
    });
    return listen(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, options);
  }

  async function handshake(port: number, more: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connect({ host: '127.0.0.1', port, ca, ...more });
    closers.push(() => socket.destroy());
    await once(socket, 'secureConnect');
    return socket.on('error', () => undefined);
  }
  async function send(port: number, agent: Agent, body: Buffer, headers = {}) {
    const call = request({ host: '127.0.0.1', port, ca, agent, method: 'POST', path: '/a', headers });
    call.end(body);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    return { status: answer.statusCode, saw: answer.headers['x-saw'], body: await buffer(answer) };
  }
  const keeping = () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    closers.push(() => agent.destroy());
    return agent;
  };

  it('carries requests and bodies of every size on one connection, and says https upstream', async () => {
    const { proxy, port } = await start();
    const agent = keeping();
    for (const size of [0, 5, 70_000, 3_000_000]) {
      const body = Buffer.alloc(size, `${size} bytes that must come back as they are. `);
      const answer = await send(port, agent, body);
      expect([answer.status, answer.saw]).toEqual([200, '127.0.0.1 https']);
      expect(answer.body.equals(body)).toBe(true);
    }
    expect(proxy.engine.counts().clients).toBe(1);
    expect(proxy.outcomes.map(({ bytesIn }) => bytesIn)).toEqual([0, 5, 70_000, 3_000_000]);
  });

  it('believes a trusted proxy that came over TLS about the client, and nobody else', async () => {
    const forwarded = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'http' };
    const trusting = await start({ trustedPeers: ['127.0.0.1'] });
    expect((await send(trusting.port, keeping(), Buffer.alloc(1), forwarded)).saw).toBe('192.0.2.7 http');
    const { 'x-forwarded-proto': _, ...noScheme } = forwarded;
    expect((await send(trusting.port, keeping(), Buffer.alloc(1), noScheme)).saw).toBe('192.0.2.7 https');
    const strict = await start();
    expect((await send(strict.port, keeping(), Buffer.alloc(1), forwarded)).saw).toBe('127.0.0.1 https');
  });

  it('speaks TLS 1.2 and 1.3 and HTTP/1.1 only', async () => {
    const { port } = await start();
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await handshake(port, {
        minVersion: version,
        maxVersion: version,
        ALPNProtocols: ['h2', 'http/1.1'],
      });
      expect([socket.getProtocol(), socket.alpnProtocol]).toEqual([version, 'http/1.1']);
    }
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(handshake(port, old)).rejects.toThrow();
    await expect(handshake(port, { ALPNProtocols: ['h2'] })).rejects.toThrow();
    const plain = connectTcp(port, '127.0.0.1').on('error', () => undefined);
    plain.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect((await buffer(plain)).toString('latin1'), 'no HTTP in the clear').not.toContain('HTTP/');
  });

  it('lets go of who leaves in the middle of a handshake', async () => {
    const { proxy, port } = await start();
    for (let i = 0; i < 20; i++) {
      const socket = await handshake(port);
      socket.destroy();
      const silent = connectTcp(port, '127.0.0.1');
      await once(silent, 'connect');
      silent.end();
    }
    await proxy.engine.closeListeners();
    expect(proxy.engine.counts().clients).toBe(0);
  });

  it('carries a WebSocket, and cuts it', async () => {
    const { proxy, port } = await start();
    const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, { ca });
    await once(socket, 'open');
    for (const size of [5, 2_000_000]) {
      const answer = once(socket, 'message');
      socket.send('x'.repeat(size));
      expect(String((await answer)[0]).length).toBe(size);
    }
    expect([...proxy.engine.open].map((exchange) => exchange.kind)).toEqual(['tunnel']);
    const closed = once(socket, 'close');
    proxy.engine.cutConnections();
    await closed;
    await expect.poll(() => proxy.engine.open.size, generous).toBe(0);
  });

  it('ends one direction of a tunnel and lets the other go on', async () => {
    const upstreams: Socket[] = [];
    const server = createTcpServer({ allowHalfOpen: true }, (far) => {
      upstreams.push(far);
      let text = '';
      far
        .on('error', () => undefined)
        .on('data', (bytes: Buffer) => {
          if (text === '')
            far.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
          text += bytes.toString();
        });
      far.on('end', () => far.end(`last words after: ${text.split('\r\n\r\n')[1]}`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      for (const far of upstreams) far.destroy();
      server.close();
    });
    const { port } = await listen(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const client = await handshake(port, { allowHalfOpen: true } as ConnectionOptions);
    client.write('GET /t HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await once(client, 'readable');
    client.end('ping');
    expect((await buffer(client)).toString()).toContain('last words after: ping');
  });

  it('takes a replaced certificate for new connections and cuts none; a pair that does not fit is said and left', {
    timeout: 150_000,
  }, async () => {
    const { port } = await start();
    const before = keeping();
    expect((await send(port, before, Buffer.from('a'))).status).toBe(200);
    const first = ca;
    ca = (await writePair('two')).certificate;
    await expect.poll(() => reloads.filter((error) => error === undefined).length, generous).toBe(1);
    expect((await handshake(port)).getPeerCertificate().subject.CN).toBe('two');
    await expect(handshake(port, { ca: first })).rejects.toThrow();
    ca = first;
    expect((await send(port, before, Buffer.from('b'))).body.toString(), 'the old connection').toBe('b');

    reloads.length = 0;
    const { certificate } = await selfSigned('three', { ip: ['127.0.0.1'] });
    await put('gateway.crt', certificate);
    await expect.poll(() => reloads.length, generous).toBe(1);
    expect(String(reloads[0])).toMatch(/key values mismatch/);
    expect((await handshake(port, { rejectUnauthorized: false })).getPeerCertificate().subject.CN).toBe('two');
    await rm(files().keyFile);
    await expect.poll(() => reloads.length, generous).toBe(2);
    ca = (await writePair('four')).certificate;
    await expect.poll(() => reloads.includes(undefined), generous).toBe(true);
    expect((await handshake(port)).getPeerCertificate().subject.CN).toBe('four');
  });

  it('does not start with files that cannot be used', async () => {
    await put('gateway.key', 'no key');
    await expect(start()).rejects.toMatchObject({
      code: 'config_invalid',
      publicMessage: expect.stringContaining('NM_GATEWAY_TLS_CERT_FILE and NM_GATEWAY_TLS_KEY_FILE cannot be used'),
    });
  });
});
