import { describe, expect, it } from 'vitest';
import { engineKinds } from './engine.js';
import { keeper } from './test/closers.js';
import { startProxy } from './test/proxy-server.js';
import { rawClient, startRawUpstream } from './test/raw-peers.js';

const keep = keeper();
const requests = 2_000;
const answerBytes = 16 * 1024;
const answer = Buffer.concat([
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${answerBytes}\r\n\r\n`),
  Buffer.alloc(answerBytes, 'x'),
]);

describe.each(engineKinds)('%s', (kind) => {
  it('does not go on with requests sent ahead while their sender reads no answers', { timeout: 120_000 }, async () => {
    let seen = 0;
    const upstream = keep(
      await startRawUpstream((socket, soFar) => {
        if (!soFar.endsWith('\r\n\r\n')) return;
        seen++;
        socket.write(answer);
      }),
    );
    const proxy = keep(await startProxy(kind, () => upstream.origin));
    const client = rawClient(proxy.port, '');
    client.socket.pause();
    let bytes = 0;
    client.socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    client.socket.pause();
    client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(requests));
    let before = -1;
    // Until it stands still: what the system's own buffers take is read.
    while (seen === 0 || seen > before) {
      before = seen;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(seen).toBeLessThan(requests * 0.8);
    client.socket.resume();
    await expect.poll(() => bytes, { timeout: 100_000 }).toBeGreaterThan(requests * answerBytes);
    await expect.poll(() => seen, { timeout: 20_000 }).toBe(requests);
    client.socket.destroy();
  });
});
