import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Connector, Policy } from '../exchange.js';
import { TrustedPeers } from '../trusted-peers.js';
import { ClientConnection } from './client-connection.js';
import { HeadStock, type NetContext } from './context.js';
import { LoadLimit } from './load-limit.js';
import { OpenList } from './open-list.js';
import { OutBuffer } from './out-buffer.js';
import { UpstreamPools } from './upstream-pools.js';
import { eventWiring, overEvents } from './wire.js';

const idleMs = 10_000;

/** A peer that takes nothing until it is told to. */
class SlowPeer extends Duplex {
  letGo: () => void = () => undefined;
  text = '';

  override _read(): void {
    // Bytes are pushed by the test.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.letGo = () => {
      this.text += chunk.toString('latin1');
      done();
    };
  }
}

function connectionOf(socket: SlowPeer, more: Partial<NetContext<string>> = {}) {
  const clock = { nowMs: 0 };
  const context: NetContext<string> = Object.assign(clock, {
    policy: {
      refuse: () => ({ status: 400, fields: '', body: Buffer.from('no') }),
      open: () => {
        throw new Error('there is no request here');
      },
    },
    upstreams: new UpstreamPools(clock, eventWiring),
    timeouts: { connectMs: 1, headersMs: 1, idleMs },
    headMs: 1_000,
    trusted: new TrustedPeers([]),
    proxyProtocol: false,
    load: new LoadLimit(),
    open: new OpenList<never>(),
    clients: new Set<never>(),
    out: new OutBuffer(),
    heads: new HeadStock(),
    known: undefined,
    closing: false,
    pseudonym: 'nmachine',
    ...more,
  });
  return { clock, connection: new ClientConnection(context, overEvents(socket as unknown as Socket)) };
}

describe('ClientConnection', () => {
  it('waits with the end of the connection until a slow reader has got the answer', async () => {
    const peer = new SlowPeer({ allowHalfOpen: true });
    const { clock, connection } = connectionOf(peer);
    peer.push('NONSENSE\r\n\r\n');
    await expect.poll(() => peer.writableEnded).toBe(true);
    clock.nowMs = 5_000;
    connection.tick(clock.nowMs);
    expect(peer.destroyed).toBe(false);
    const finished = new Promise((resolve) => peer.once('finish', resolve));
    peer.letGo();
    await finished;
    expect(peer.text).toMatch(/^HTTP\/1\.1 400 [\s\S]*no$/);
    connection.tick(clock.nowMs);
    expect(peer.destroyed).toBe(false);
    clock.nowMs += 2_000;
    connection.tick(clock.nowMs);
    expect(peer.destroyed).toBe(true);
  });

  it('does not wait for ever for a reader that takes nothing', async () => {
    const peer = new SlowPeer({ allowHalfOpen: true });
    const { connection } = connectionOf(peer);
    peer.push('NONSENSE\r\n\r\n');
    await expect.poll(() => peer.writableEnded).toBe(true);
    connection.tick(idleMs + 1);
    expect(peer.destroyed).toBe(true);
  });

  it('refuses the tenant that has more than its share while there is much to do, and no other', async () => {
    const load = new LoadLimit();
    for (let i = 0; i < 3; i++) load.tick(1_000);
    const limit = load.limit;
    for (let i = 0; i < limit * 0.9; i++) load.enter(i === 0 ? 'modest' : 'busy');
    const connector = { dispatcher: {}, dial: () => new Promise<never>(() => undefined) } as unknown as Connector;
    const none = { names: [], prefixes: [] };
    const policy: Policy<string> = {
      tenantOf: (tag) => tag.slice(1),
      refuse: () => ({ status: 400, fields: '', body: Buffer.from('no') }),
      open: ({ target }) => ({
        plan: () => ({
          ...{ target: { origin: 'http://h', path: '/', connector }, tag: target },
          ...{ requestFilter: none, answerFilter: none, addToRequest: () => undefined, addToAnswer: () => undefined },
        }),
        refuse: ({ status, code }) => ({ status, fields: '', body: Buffer.from(code) }),
        finished: () => undefined,
      }),
    };
    const ask = (tenant: string): SlowPeer => {
      const peer = new SlowPeer({ allowHalfOpen: true });
      connectionOf(peer, { load, policy });
      peer.push(`GET /${tenant} HTTP/1.1\r\nHost: x\r\n\r\n`);
      return peer;
    };
    const before = load.inFlight;
    const busy = ask('busy');
    await expect.poll(() => busy.writableLength).toBeGreaterThan(0);
    busy.letGo();
    expect(busy.text).toMatch(/^HTTP\/1\.1 503 [\s\S]*overloaded$/);
    expect(load.inFlight).toBe(before);
    for (const tenant of ['modest', 'new']) {
      const taken = load.inFlight;
      const peer = ask(tenant);
      await expect.poll(() => load.inFlight).toBe(taken + 1);
      expect(peer.writableLength).toBe(0);
    }
  });
});
