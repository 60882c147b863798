import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { engineKinds } from './engine.js';
import { keeper } from './test/closers.js';
import { differences } from './test/differences.js';
import { startProxy } from './test/proxy-server.js';
import { rawClient, startRawUpstream } from './test/raw-peers.js';

const get = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const patient = { timeout: 60_000 };
const keep = keeper();

const listener = `const s = require('node:net').createServer(() => {}); s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port));`;

/** A port that answers no handshake: its process stands still, and its queue of connections is full. */
async function startSilentPort(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const child: ChildProcess = spawn(process.execPath, ['-e', listener], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const port = Number(line);
  child.kill('SIGSTOP');
  const fillers = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await setImmediate();
  return {
    port,
    close: async () => {
      for (const filler of fillers) filler.destroy();
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

describe.each(engineKinds)('what does not move in time, on %s', (kind) => {
  it('an upstream that does not take the connection', patient, async () => {
    const silent = keep(await startSilentPort());
    const proxy = keep(await startProxy(kind, () => `http://127.0.0.1:${silent.port}`, { connectMs: 300 }));
    expect(await rawClient(proxy.port, get).closed).toMatch(
      / (503[\s\S]*upstream_unreachable|504[\s\S]*upstream_timeout)$/,
    );
    expect(proxy.engine.open.size).toBe(0);
  });

  it('an upstream that stops in the middle of its answer: the client sees that it is cut off', patient, async () => {
    const half = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf';
    const upstream = keep(await startRawUpstream((socket) => void socket.write(half)));
    const proxy = keep(await startProxy(kind, () => upstream.origin, { idleMs: 300 }));
    expect(await rawClient(proxy.port, get).closed).toMatch(/half$/);
    await expect.poll(() => proxy.outcomes[0], patient).toMatchObject({ status: 200, bytesOut: 4, clientGone: false });
    expect(proxy.outcomes[0]?.fault?.status).toBeGreaterThanOrEqual(500);
    await expect.poll(() => upstream.sockets[0]!.destroyed || upstream.sockets[0]!.readableEnded, patient).toBe(true);
  });

  it('an upstream that goes on in time is waited for, however long its answer takes in all', patient, async () => {
    const idleMs = 3_000;
    const answer = async (socket: Socket): Promise<void> => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n');
      for (let i = 0; i < 8; i++) {
        await sleep(idleMs / 6);
        socket.write(String(i));
      }
    };
    const upstream = keep(await startRawUpstream((socket) => void answer(socket)));
    const proxy = keep(await startProxy(kind, () => upstream.origin, { idleMs, headersMs: idleMs }));
    expect(await rawClient(proxy.port, get).closed).toMatch(/01234567$/);
  });

  it('a client that brings its head a byte at a time gets no more time for it', patient, async () => {
    const headMs = 1_000;
    const upstream = keep(await startRawUpstream((socket) => socket.end()));
    const proxy = keep(await startProxy(kind, () => upstream.origin, { headMs }));
    const client = rawClient(proxy.port, 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const startedMs = performance.now();
    let over = false;
    void client.closed.then(() => {
      over = true;
    });
    // Far longer than the bound in all, never idle for as long as it.
    for (let i = 0; i < 200 && !over; i++) {
      client.send('a');
      await sleep(headMs / 10);
    }
    expect(over).toBe(true);
    expect(performance.now() - startedMs).toBeLessThan(headMs * 15);
    expect((await client.closed).startsWith('HTTP/1.1 408')).toBe(differences[kind].answersSlowHeads);
    expect(upstream.sockets.length).toBe(0);
  });
});
