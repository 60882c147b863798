import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineKinds } from '../../engine.js';
import { type ProxyServer, startProxy } from '../proxy-server.js';
import { type RawUpstream, rawClient, startRawUpstream } from '../raw-peers.js';
import { type Check, checks, whole } from './checks.js';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const patient = { timeout: 20_000 };

it('holds the 33 checks, each under a name of its own', () => {
  expect(checks.length).toBeGreaterThanOrEqual(33);
  expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
  for (const { send, must } of checks) if (must === 'waits') expect(whole.startsWith(send)).toBe(true);
});

describe.each(engineKinds)('%s', (kind) => {
  let upstream: RawUpstream;
  let proxy: ProxyServer;
  beforeAll(async () => {
    upstream = await startRawUpstream((socket, soFar) => {
      if (soFar.endsWith('\r\n\r\n') || soFar.endsWith('hello')) socket.write(ok);
    });
    proxy = await startProxy(kind, () => upstream.origin);
  });
  afterAll(async () => {
    await proxy.close();
    await upstream.close();
  });

  /** A bare server would see the same: the upstream must not. */
  const seenUpstream = (): number => upstream.received.flat().reduce((sum, { length }) => sum + length, 0);

  it.each(checks.filter(({ must }) => must === 'waits'))('waits after $name', async ({ send }: Check) => {
    const client = rawClient(proxy.port, send);
    await sleep(30);
    expect([client.text(), client.socket.destroyed]).toEqual(['', false]);
    client.send(whole.slice(send.length));
    await expect.poll(() => client.text(), patient).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok$/);
    client.socket.destroy();
  });

  it.each(checks.filter(({ must }) => must === 'answers'))('answers $name', async ({ send }: Check) => {
    const client = rawClient(proxy.port, send);
    await expect
      .poll(() => client.text(), patient)
      .toMatch(/^(?:HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 200 [\s\S]*ok$/);
    client.socket.destroy();
  });

  it.each(checks.filter(({ must }) => must === 'refuses'))('refuses $name', async ({ send }: Check) => {
    const before = seenUpstream();
    const text = await rawClient(proxy.port, send).closed;
    expect(text).toMatch(/^HTTP\/1\.1 (?:4\d\d|505) /);
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(seenUpstream()).toBe(before);
  });
});
