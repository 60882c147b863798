import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { engineKinds, openEngine } from './engine.js';
import { keeper } from './test/closers.js';
import { differences } from './test/differences.js';
import { type ProxyServer, startProxy } from './test/proxy-server.js';
import { type RawUpstream, rawClient, startRawUpstream } from './test/raw-peers.js';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n';
/** The machine may be busy. */
const patient = { timeout: 20_000 };
const keep = keeper();
const answerHead = (socket: { write(text: string): unknown }, soFar: string): void => {
  if (soFar.endsWith('\r\n\r\n')) socket.write(ok);
};
/** dechunked reads a chunked body that is known to be good. */
function dechunked(text: string): string {
  const end = text.indexOf('\r\n');
  const size = Number.parseInt(text.slice(0, end), 16);
  return size > 0 ? text.slice(end + 2, end + 2 + size) + dechunked(text.slice(end + 4 + size)) : '';
}
const sendSlowly = async (client: { socket: { write(text: string, encoding: 'latin1'): unknown } }, text: string) => {
  for (const byte of text) {
    client.socket.write(byte, 'latin1');
    await new Promise((resolve) => setImmediate(resolve));
  }
};

describe.each(engineKinds)('%s', (kind) => {
  async function pair(
    onData: Parameters<typeof startRawUpstream>[0],
    options: Parameters<typeof startProxy>[2] = {},
    more: Parameters<typeof startProxy>[4] = {},
  ): Promise<{ upstream: RawUpstream; proxy: ProxyServer }> {
    const upstream = keep(await startRawUpstream(onData));
    return { upstream, proxy: keep(await startProxy(kind, () => upstream.origin, options, undefined, more)) };
  }

  describe('messages', () => {
    it('reads a request that comes byte by byte, and an answer likewise', async () => {
      const answer =
        'HTTP/1.1 201 Made\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\n\r\n';
      const { upstream, proxy } = await pair((socket, soFar) => {
        if (soFar.endsWith('0\r\n\r\n')) void sendSlowly({ socket }, answer);
      });
      const client = rawClient(proxy.port, '');
      client.socket.setNoDelay(true);
      await sendSlowly(
        client,
        'POST /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4;a="b"\r\nbody\r\n0\r\n\r\n',
      );
      const text = await client.closed;
      expect(text).toMatch(/^HTTP\/1\.1 201 (Made)?\r\nX-A: b\r\n/);
      const content = dechunked(text.slice(text.indexOf('\r\n\r\n') + 4));
      expect(content).toBe('abcdefgh');
      expect(upstream.text()).toMatch(/\r\n\r\n4\r\nbody\r\n0\r\n\r\n$|\r\n\r\n(1\r\n.\r\n){4}0\r\n\r\n$/);
      expect(upstream.text()).not.toContain('a="b"');
    });

    it('answers requests that were sent ahead in their order, each once', async () => {
      const { upstream, proxy } = await pair((socket, soFar) => {
        const path = /GET (\/\d) HTTP\/1\.1\r\n/.exec(soFar.slice(soFar.lastIndexOf('GET ')))?.[1] ?? '';
        if (soFar.endsWith('\r\n\r\n')) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${path}`);
      });
      const client = rawClient(
        proxy.port,
        `${[1, 2, 3].map((n) => `GET /${n} HTTP/1.1\r\nHost: x\r\n\r\n`).join('')}${get.replace('/', '/4')}\r\n`,
      );
      const text = await client.closed;
      expect(text.match(/\r\n\r\n(\/\d)/g)).toEqual(['\r\n\r\n/1', '\r\n\r\n/2', '\r\n\r\n/3', '\r\n\r\n/4']);
      expect(upstream.text().match(/GET \/1 /g)).toHaveLength(1);
    });

    it('gives an HTTP/1.0 client what it understands: no chunks, and the end by closing', async () => {
      const { proxy } = await pair((socket, soFar) => {
        if (soFar.endsWith('\r\n\r\n'))
          socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
      });
      const text = await rawClient(proxy.port, 'GET / HTTP/1.0\r\n\r\n').closed;
      expect(text.toLowerCase()).not.toContain('transfer-encoding');
      expect(text).toMatch(/\r\n\r\nhello$/);
    });

    it('keeps the connection of an HTTP/1.0 client that asks for it', async () => {
      const { proxy } = await pair(answerHead);
      const client = rawClient(proxy.port, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      await expect.poll(client.text).toMatch(/connection: keep-alive[\s\S]*ok$/i);
      client.send('GET / HTTP/1.0\r\n\r\n');
      expect((await client.closed).match(/200 OK/g)).toHaveLength(2);
    });

    it('passes an answer without a length on, to its end', async () => {
      const { proxy } = await pair((socket, soFar) => {
        if (soFar.endsWith('\r\n\r\n')) socket.end('HTTP/1.0 200 OK\r\n\r\nto the end');
      });
      const text = await rawClient(
        proxy.port,
        'GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      ).closed;
      expect(text.match(/a\r\nto the end\r\n0\r\n\r\n/g)).toHaveLength(2);
    });

    it('passes trailers that say nothing of framing, and no others', async () => {
      const { upstream, proxy } = await pair((socket, soFar) => {
        if (/0\r\n(X-Sum: 1\r\n)?\r\n$/.test(soFar))
          socket.write(
            'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n1\r\na\r\n0\r\nX-T: 1\r\nX-Secret: 2\r\nSet-Cookie: c\r\n\r\n',
          );
      });
      const client = rawClient(
        proxy.port,
        'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nX-Sum: 1\r\nAuthorization: x\r\n\r\n',
      );
      const text = await client.closed;
      expect(text.endsWith('0\r\nX-T: 1\r\n\r\n')).toBe(differences[kind].trailers);
      expect(text).not.toMatch(/X-Secret|Set-Cookie/);
      expect(upstream.text().endsWith('0\r\nX-Sum: 1\r\n\r\n')).toBe(differences[kind].trailers);
      expect(upstream.text()).not.toContain('Authorization');
    });

    it('makes few chunks of many small ones', async () => {
      const { proxy } = await pair((socket, soFar) => {
        if (soFar.endsWith('\r\n\r\n'))
          socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(500)}0\r\n\r\n`);
      });
      const text = await rawClient(proxy.port, `${get}\r\n`).closed;
      expect(text.split('x').length).toBe(501);
      expect(text.length < 1_000).toBe(differences[kind].coalesces);
    });

    it('adds its Via, and refuses what came back', async () => {
      const { upstream, proxy } = await pair(answerHead);
      await rawClient(proxy.port, `${get}Via: 1.0 other\r\n\r\n`).closed;
      expect(upstream.text()).toMatch(/Via: 1\.0 other\r\n[\s\S]*Via: 1\.1 nmachine\r\n/i);
      expect(await rawClient(proxy.port, `${get}Via: 1.1 a, 1.1 nmachine, 1.1 b\r\n\r\n`).closed).toMatch(
        / 508 [\s\S]*loop_detected$/,
      );
      expect(await rawClient(proxy.port, `${get}${'Via: 1.1 hop, 1.0 hop\r\n'.repeat(11)}\r\n`).closed).toMatch(
        / 508 [\s\S]*loop_detected$/,
      );
      expect(upstream.sockets.length).toBe(1);
    });

    it('passes two installations in a row, and finds the loop through both', async () => {
      const { upstream, proxy: inner } = await pair(answerHead, { pseudonym: 'nmachine-inner' });
      const outer = keep(await startProxy(kind, () => inner.url, { pseudonym: 'nmachine-outer' }));
      expect(await rawClient(outer.port, `${get}\r\n`).closed).toMatch(/ 200 OK/);
      expect(upstream.text()).toMatch(/Via: 1\.1 nmachine-outer\r\n[\s\S]*Via: 1\.1 nmachine-inner\r\n/i);
      const [first, second] = [{ url: '' }, { url: '' }];
      const around = keep(await startProxy(kind, () => second.url, { pseudonym: 'nmachine-a' }));
      const back = keep(await startProxy(kind, () => first.url, { pseudonym: 'nmachine-b' }));
      [first.url, second.url] = [around.url, back.url];
      expect(await rawClient(around.port, `${get}\r\n`).closed).toMatch(/ 508 [\s\S]*loop_detected$/);
      expect([around.outcomes.length, back.outcomes.length]).toEqual([2, 1]);
    });
  });

  describe('bounds', () => {
    it('refuses content that is announced larger than the plan allows, and cuts off what turns out so', async () => {
      const { upstream, proxy } = await pair(() => undefined, {}, { bodyBytesMax: 4 });
      const announced = rawClient(
        proxy.port,
        'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello',
      );
      expect(await announced.closed).toMatch(/ 413 [\s\S]*body_too_large$/);
      expect(upstream.sockets.length).toBe(0);
      const chunked = rawClient(
        proxy.port,
        'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
      );
      expect(await chunked.closed).toMatch(/ 413 [\s\S]*body_too_large$/);
      await expect.poll(() => upstream.sockets.every((socket) => socket.destroyed || socket.readableEnded)).toBe(true);
    });

    const chunkedPost = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    const isGone = (socket: Socket): boolean => socket.destroyed || socket.readableEnded;

    it('counts a chunked body as it comes, up to the last byte of the bound', async () => {
      const { upstream, proxy } = await pair(
        (socket, soFar) => {
          if (soFar.endsWith('0\r\n\r\n')) socket.write(ok);
        },
        {},
        { bodyBytesMax: 8 },
      );
      const exact = rawClient(proxy.port, `${chunkedPost}4\r\nfour\r\n`);
      await expect.poll(() => upstream.text(), patient).toContain('four');
      exact.send('4\r\nmore\r\n0\r\n\r\n');
      await expect.poll(() => exact.text(), patient).toMatch(/ 200 OK[\s\S]*ok$/);
      exact.send(`${chunkedPost}8\r\nalmost..\r\n`);
      const all = (): string => upstream.received.map((chunks) => Buffer.concat(chunks).toString()).join('');
      await expect.poll(all, patient).toContain('almost..');
      exact.send('1\r\n!\r\n0\r\n\r\n');
      await expect.poll(() => exact.text(), patient).toMatch(/ 413 [\s\S]*body_too_large$/);
      expect(all()).not.toContain('!');
      await expect.poll(() => upstream.sockets.every(isGone), patient).toBe(true);
      const next = rawClient(proxy.port, `${chunkedPost}0\r\n\r\n`);
      await expect.poll(() => next.text(), patient).toMatch(/ 200 OK/);
      expect(upstream.sockets.length).toBeGreaterThan(1);
      expect(proxy.outcomes[1]).toMatchObject({ status: 413 });
    });

    it('cuts a body that grows too large when the answer has begun, and the connection to the upstream', async () => {
      const { upstream, proxy } = await pair(
        (socket, soFar) => {
          if (soFar.includes('four')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nbegun');
        },
        {},
        { bodyBytesMax: 8 },
      );
      const client = rawClient(proxy.port, `${chunkedPost}4\r\nfour\r\n`);
      await expect.poll(() => client.text(), patient).toMatch(/begun$/);
      client.send('5\r\nabcde\r\n');
      expect(await client.closed).toMatch(/begun$/);
      await expect.poll(() => upstream.sockets.every(isGone), patient).toBe(true);
      expect(upstream.text()).not.toContain('abcde');
      await expect.poll(() => proxy.outcomes[0]?.fault?.code, patient).toBe('body_too_large');
    });

    it('drops a client whose head does not come', async () => {
      const { proxy } = await pair(answerHead, { headMs: 300 });
      const text = await rawClient(proxy.port, 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ').closed;
      expect(text.startsWith('HTTP/1.1 408')).toBe(differences[kind].answersSlowHeads);
    });

    it('refuses at once what the process cannot do in time', async () => {
      const { proxy } = await pair(() => undefined);
      if (!differences[kind].shedsLoad) return;
      const clients = Array.from({ length: 500 }, () => rawClient(proxy.port, `${get}\r\n`));
      // On a machine that is late already, the last of them are refused already.
      await expect.poll(() => proxy.engine.open.size, { timeout: 20_000 }).toBeGreaterThan(320);
      // The limit grows again while the process is in time: a request that a loaded machine brings late may find room, so another is tried.
      let answer = '';
      while (answer === '') {
        for (let i = 0; i < 5; i++) {
          const until = performance.now() + 250;
          while (performance.now() < until);
          await sleep(0);
        }
        const late = rawClient(proxy.port, `${get}\r\n`);
        clients.push(late);
        answer = await Promise.race([late.closed, sleep(1_000).then(() => '')]);
      }
      expect(answer).toMatch(/ 503 [\s\S]*\r\nRetry-After: 1\r\n[\s\S]*overloaded$/);
      for (const { socket } of clients) socket.destroy();
      await expect.poll(() => proxy.engine.open.size, { timeout: 20_000 }).toBe(0);
    }, 90_000);

    it('leaves no upstream running behind a client that ended its side', async () => {
      const patient = { timeout: 20_000 };
      const { upstream, proxy } = await pair(() => undefined);
      const client = rawClient(proxy.port, `${get}\r\n`);
      await expect.poll(() => upstream.text(), patient).not.toBe('');
      client.socket.end();
      await expect.poll(() => upstream.sockets[0]!.destroyed || upstream.sockets[0]!.readableEnded, patient).toBe(true);
      await expect.poll(() => proxy.outcomes[0], patient).toMatchObject({ clientGone: true });
    }, 90_000);
  });

  describe('who the client is', () => {
    it('believes a trusted peer, and nobody else', async () => {
      const told = `${get}X-Forwarded-For: 9.9.9.9, 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\r\n`;
      const stranger = await pair(answerHead);
      await rawClient(stranger.proxy.port, told).closed;
      expect(stranger.upstream.text()).toContain('X-Client: 127.0.0.1 http\r\n');
      const trusted = await pair(answerHead, { trustedPeers: ['127.0.0.0/8'] });
      await rawClient(trusted.proxy.port, told).closed;
      expect(trusted.upstream.text()).toContain('X-Client: 1.2.3.4 https\r\n');
    });

    const proxyHeader = '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x7f\0\0\x01\x1f\x90\0\x50';

    it('reads the PROXY header of a trusted peer, and takes nothing without it', async () => {
      const options = { trustedPeers: ['127.0.0.1'], proxyProtocol: true };
      if (kind === 'node-http') return void expect(() => openEngine(kind, options)).toThrow(/config_invalid/);
      const { upstream, proxy } = await pair(answerHead, options);
      expect(await rawClient(proxy.port, `${proxyHeader}${get}\r\n`).closed).toContain('200 OK');
      expect(upstream.text()).toContain('X-Client: 192.0.2.7 http\r\n');
      expect(await rawClient(proxy.port, `${get}\r\n`).closed).toBe('');
      expect(upstream.sockets.length).toBe(1);
    });

    it('believes no PROXY header of a stranger, and serves it without one', async () => {
      const options = { trustedPeers: ['192.0.2.1'], proxyProtocol: true };
      if (kind === 'node-http') return void expect(() => openEngine(kind, options)).toThrow(/config_invalid/);
      const { upstream, proxy } = await pair(answerHead, options);
      expect(await rawClient(proxy.port, `${proxyHeader}${get}\r\n`).closed).toMatch(/^HTTP\/1\.1 400 /);
      expect(upstream.sockets.length).toBe(0);
      expect(await rawClient(proxy.port, `${get}\r\n`).closed).toContain('200 OK');
      expect(upstream.text()).toContain('X-Client: 127.0.0.1 http\r\n');
    });
  });
});
