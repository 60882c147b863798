import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { openEngine } from '../engine.js';
import type { Plan, RequestHead } from '../exchange.js';
import { listenOn } from '../listen.js';
import { rawClient, startRawUpstream } from '../test/raw-peers.js';
import { chooseWiring, rawWiring, type StreamBinding } from './raw-wire.js';
import { eventWiring, type Wire, type Wiring } from './wire.js';
import { carries } from './wire-trial.js';

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

/** A connection whose accepted side is a wire; the other is a plain socket. */
async function acceptBy(wiring: Wiring) {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const port = await listenOn(server, '127.0.0.1', 0);
  const peer = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [accepted] = (await once(server, 'connection')) as [Socket];
  const wire = wiring.accept(accepted);
  wire.socket.on('error', () => undefined);
  closers.push(async () => {
    for (const socket of [peer, wire.socket]) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { accepted, peer, wire };
}

function textOf(wire: Wire): () => string {
  const seen: string[] = [];
  wire.reader = { receive: (bytes, from, to) => void seen.push(bytes.toString('latin1', from, to)) };
  return () => seen.join('');
}

describe('rawWiring', () => {
  it('is not that of the events, on this Node', { timeout: 60_000 }, async () => {
    expect(await rawWiring()).not.toBe(eventWiring);
  });

  it('makes no stream do anything for a message that the kernel takes whole', { timeout: 60_000 }, async () => {
    const { peer, wire } = await acceptBy(await rawWiring());
    let throughStream = 0;
    const { _write } = wire.socket;
    wire.socket._write = (...args) => {
      throughStream++;
      _write.apply(wire.socket, args);
    };
    wire.socket.on('data', () => throughStream++);
    const text = textOf(wire);
    peer.write('there');
    await expect.poll(text, { timeout: 30_000 }).toBe('there');
    expect(wire.write(Buffer.from('back'))).toBe(true);
    expect(String((await once(peer, 'data'))[0])).toBe('back');
    expect(throughStream).toBe(0);
  });

  it('has all that follows wait behind what the kernel did not take, in order, and tells of the drain', {
    timeout: 60_000,
  }, async () => {
    const { peer, wire } = await acceptBy(await rawWiring());
    peer.pause();
    const pieces = ['a', 'b', 'c'].map((letter) => Buffer.alloc(8 * 1024 * 1024, letter));
    const [first, second, third] = pieces as [Buffer, Buffer, Buffer];
    expect(wire.write(first)).toBe(false);
    expect(wire.writableLength).toBe(first.length);
    expect(wire.write(second)).toBe(false);
    expect(wire.writableLength).toBe(first.length + second.length);
    const drained = once(wire.socket, 'drain');
    const hash = createHash('sha256');
    let length = 0;
    peer.on('data', (bytes: Buffer) => {
      hash.update(bytes);
      length += bytes.length;
    });
    peer.resume();
    await drained;
    expect(wire.writableLength).toBe(0);
    wire.write(third);
    wire.socket.end();
    await once(peer, 'end');
    expect(length).toBe(3 * first.length);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(Buffer.concat(pieces)).digest('hex'));
  });

  it('keeps apart what the kernel did not take of several connections', { timeout: 60_000 }, async () => {
    const wiring = await rawWiring();
    const both = await Promise.all([acceptBy(wiring), acceptBy(wiring)]);
    const drained = both.map(({ wire, peer }) => {
      peer.pause();
      expect(wire.write(Buffer.alloc(8 * 1024 * 1024))).toBe(false);
      return once(wire.socket, 'drain');
    });
    for (const [i, { wire, peer }] of both.entries()) {
      peer.resume();
      await drained[i];
      expect(wire.writableLength).toBe(0);
    }
  });

  it('tells of the end of what comes, and then still writes', { timeout: 60_000 }, async () => {
    const { peer, wire } = await acceptBy(await rawWiring());
    const text = textOf(wire);
    const ended = once(wire.socket, 'end');
    peer.end('all');
    wire.socket.resume();
    await ended;
    expect(text()).toBe('all');
    wire.write(Buffer.from('heard'));
    expect(String((await once(peer, 'data'))[0])).toBe('heard');
  });

  it('tells why a connection was lost', { timeout: 60_000 }, async () => {
    const { peer, wire } = await acceptBy(await rawWiring());
    const failed = once(wire.socket, 'error');
    peer.resetAndDestroy();
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  it('ends a connection that cannot be written to, with the reason', { timeout: 60_000 }, async () => {
    const { peer, wire } = await acceptBy(await rawWiring());
    const failed = once(wire.socket, 'error');
    wire.socket.end();
    await once(peer.resume(), 'end');
    expect(wire.write(Buffer.from('too late'))).toBe(true);
    expect((await failed)[0]).toMatchObject({ code: 'EPIPE', syscall: 'write' });
    expect(wire.socket.destroyed).toBe(true);
    expect(wire.write(Buffer.from('later still'))).toBe(false);
  });

  it('takes a write for over when its connection is dropped under it', { timeout: 60_000 }, async () => {
    const { peer, wire } = await acceptBy(await rawWiring());
    peer.pause();
    const errors: unknown[] = [];
    wire.socket.on('error', (error) => void errors.push(error));
    wire.write(Buffer.alloc(8 * 1024 * 1024));
    wire.socket.destroy();
    await once(wire.socket, 'close');
    expect(errors).toEqual([]);
  });

  it('reads a socket by its events when it looks otherwise inside', { timeout: 60_000 }, async () => {
    const server = createServer({ pauseOnConnect: true });
    const port = await listenOn(server, '127.0.0.1', 0);
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    const client = connect(port, '127.0.0.1', () => client.write('bytes'));
    const [accepted] = (await once(server, 'connection')) as [Socket];
    Object.defineProperty((accepted as unknown as { _handle: object })._handle, 'useUserBuffer', { value: undefined });
    const wire = (await rawWiring()).accept(accepted);
    expect(wire.socket).toBe(accepted);
    await expect.poll(textOf(wire), { timeout: 30_000 }).toBe('bytes');
    client.destroy();
    accepted.destroy();
  });

  it('lets a server that closes wait for the sockets that it handed over', { timeout: 60_000 }, async () => {
    const server = createServer({ pauseOnConnect: true });
    const port = await listenOn(server, '127.0.0.1', 0);
    const client = connect(port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    const { socket } = (await rawWiring()).accept(accepted);
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

describe('chooseWiring', () => {
  const real = (): StreamBinding =>
    (process as unknown as { binding(name: string): StreamBinding }).binding('stream_wrap');
  /** Numbers at other places than they were. */
  const moved = (name: 'kReadBytesOrError' | 'kLastWriteWasAsync'): StreamBinding => {
    const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = real();
    return { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync, [name]: 99 };
  };

  it.each<[string, () => StreamBinding]>([
    ['gives no bindings', () => JSON.parse('{') as StreamBinding],
    ['names other things', () => ({}) as StreamBinding],
    ['says elsewhere how much was read', () => moved('kReadBytesOrError')],
    ['says elsewhere whether all was written', () => moved('kLastWriteWasAsync')],
  ])('falls back to events where Node %s', { timeout: 60_000 }, async (_, binding) => {
    expect(await chooseWiring(binding, 1_000)).toBe(eventWiring);
  });

  it('finds that events carry too', { timeout: 60_000 }, async () => {
    expect(await carries(eventWiring, 60_000)).toBe(true);
  });
});
