import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { openEngine } from '../engine.js';
import type { Plan, RequestHead } from '../exchange.js';
import { listenOn } from '../listen.js';
import { rawClient, startRawUpstream } from '../test/raw-peers.js';
import { sharedWiring } from './wire.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const filter = { names: ['host'], prefixes: [] };

/** startWaiting is an engine whose policy lets a request wait until its target is named by `go`. */
async function startWaiting(kind: 'net' | 'net-events', origin: string) {
  const waiting = new Map<string, () => void>();
  const planOf = (head: RequestHead): Plan<undefined> => ({
    target: { origin, path: head.target },
    requestFilter: filter,
    addToRequest: () => undefined,
    answerFilter: filter,
    addToAnswer: () => undefined,
    tag: undefined,
  });
  const engine = openEngine<undefined>(kind);
  const port = await engine.listen({
    hosts: ['127.0.0.1'],
    port: 0,
    policy: {
      refuse: () => ({ status: 400, fields: '', body: Buffer.alloc(0) }),
      open: (head) => ({
        plan: () => new Promise((resolve) => waiting.set(head.target, () => resolve(planOf(head)))),
        refuse: () => ({ status: 500, fields: '', body: Buffer.alloc(0) }),
        finished: () => undefined,
      }),
    },
  });
  closers.push(async () => {
    engine.cutConnections();
    await engine.close();
    await engine.closeListeners();
  });
  return { port, waiting };
}

describe.each(['net', 'net-events'] as const)('%s', (kind) => {
  it('keeps what a waiting request has sent, whatever other connections send meanwhile', {
    timeout: 60_000,
  }, async () => {
    const upstream = await startRawUpstream((socket, soFar) => {
      if (/\r\n\r\n(?:hello|other)$/.test(soFar)) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    closers.push(() => upstream.close());
    const { port, waiting } = await startWaiting(kind, upstream.origin);
    const ask = (name: string, body: string): string =>
      `POST /${name} HTTP/1.1\r\nHost: x\r\nX-Name: ${name.repeat(20)}\r\nContent-Length: 5\r\n\r\n${body}`;
    const first = rawClient(port, ask('first', 'hel'));
    await expect.poll(() => [...waiting.keys()], { timeout: 30_000 }).toEqual(['/first']);
    const second = rawClient(port, ask('second', 'other'));
    await expect.poll(() => [...waiting.keys()], { timeout: 30_000 }).toEqual(['/first', '/second']);
    first.send('lo');
    for (const go of waiting.values()) go();
    await expect
      .poll(() => [first.text(), second.text()].map((text) => text.slice(-2)), { timeout: 30_000 })
      .toEqual(['ok', 'ok']);
    const seen = [upstream.text(0), upstream.text(1)].sort();
    expect(seen[0]).toMatch(/^POST \/first HTTP\/1\.1\r\n[\s\S]*X-Name: (?:first){20}\r\n[\s\S]*\r\n\r\nhello$/);
    expect(seen[1]).toMatch(/^POST \/second HTTP\/1\.1\r\n[\s\S]*X-Name: (?:second){20}\r\n[\s\S]*\r\n\r\nother$/);
    for (const { socket } of [first, second]) socket.destroy();
  });
});

describe('sharedWiring', () => {
  it('reads a socket by its events when it looks otherwise inside', { timeout: 60_000 }, async () => {
    const server = createServer({ pauseOnConnect: true });
    const port = await listenOn(server, '127.0.0.1', 0);
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    const client = connect(port, '127.0.0.1', () => client.write('bytes'));
    const [accepted] = (await once(server, 'connection')) as [Socket];
    Object.defineProperty((accepted as unknown as { _handle: object })._handle, 'useUserBuffer', { value: undefined });
    const wire = sharedWiring.accept(accepted);
    expect(wire.socket).toBe(accepted);
    const seen: string[] = [];
    wire.reader = { receive: (bytes, from, to) => void seen.push(bytes.toString('latin1', from, to)) };
    await expect.poll(() => seen.join(''), { timeout: 30_000 }).toBe('bytes');
    client.destroy();
    accepted.destroy();
  });

  it('lets a server that closes wait for the sockets that it handed over', { timeout: 60_000 }, async () => {
    const server = createServer({ pauseOnConnect: true });
    const port = await listenOn(server, '127.0.0.1', 0);
    const client = connect(port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    const { socket } = sharedWiring.accept(accepted);
    expect(socket).not.toBe(accepted);
    let closed = false;
    const closing = new Promise((resolve) => server.close(resolve)).then(() => (closed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(false);
    client.destroy();
    socket.destroy();
    await closing;
  });
});
