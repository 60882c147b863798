import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, frameKinds } from './frame.js';
import { Mux } from './mux.js';
import { type MuxStream, windowBytes } from './mux-stream.js';

/** Two ends joined by messages that arrive one turn later. */
function pair(onStream: (stream: MuxStream) => void) {
  const sent: Buffer[] = [];
  const carrierTo = (other: () => Mux) => ({
    send: (message: Buffer) =>
      new Promise<void>((resolve) =>
        setImmediate(() => {
          sent.push(message);
          other().receive(message);
          resolve();
        }),
      ),
    close: () => setImmediate(() => other().close('closed by the other side')),
  });
  const server: Mux = new Mux({ carrier: carrierTo(() => agent) });
  const agent: Mux = new Mux({ carrier: carrierTo(() => server), onStream });
  return { server, agent, sent };
}

const echo = (stream: MuxStream): void => void stream.on('error', () => undefined).pipe(stream);

describe('Mux', () => {
  it('carries any bytes on any number of streams, each in its order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.uint8Array({ maxLength: 70_000 }), { maxLength: 4 }), { minLength: 1, maxLength: 6 }),
        async (texts) => {
          const { server } = pair(echo);
          await Promise.all(
            texts.map(async (chunks) => {
              const stream = server.open();
              const back = buffer(stream);
              for (const chunk of chunks) stream.write(Buffer.from(chunk));
              stream.end();
              expect((await back).equals(Buffer.concat(chunks))).toBe(true);
            }),
          );
          await expect.poll(() => server.streams).toBe(0);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('carries megabytes through a window of a quarter of one', async () => {
    const { server } = pair(echo);
    const stream = server.open();
    const text = Buffer.alloc(5_000_000, 'nmachine');
    const back = buffer(stream);
    stream.end(text);
    const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(sha(await back)).toBe(sha(text));
  });

  it('holds back a sender whose reader does not read, and no other stream', async () => {
    const accepted: MuxStream[] = [];
    const { server, sent } = pair((stream) => {
      accepted.push(stream);
      if (accepted.length === 2) echo(stream);
    });
    const stuck = server.open();
    stuck.on('error', () => undefined);
    stuck.write(Buffer.alloc(2_000_000));
    const free = server.open();
    const back = buffer(free);
    free.end('hello');
    expect((await back).toString()).toBe('hello');
    const bytesOf = (id: number) =>
      sent.map(decodeFrame).reduce((sum, f) => sum + (f.kind === 'data' && f.stream === id ? f.payload.length : 0), 0);
    expect(bytesOf(1)).toBeLessThanOrEqual(windowBytes * 2);
    const before = bytesOf(1);
    accepted[0]?.resume();
    await expect.poll(() => bytesOf(1)).toBeGreaterThan(before);
  });

  it('passes an abort on, and ends every stream with the tunnel', async () => {
    const accepted: MuxStream[] = [];
    const { server, agent } = pair((stream) => {
      stream.on('error', () => undefined);
      accepted.push(stream);
    });
    const [one, two] = [server.open(), server.open()];
    const lost = new Promise((resolve) => two.once('error', resolve));
    one.on('error', () => undefined).destroy();
    await expect.poll(() => accepted[0]?.destroyed).toBe(true);
    expect(accepted[1]?.destroyed).toBe(false);
    agent.close('gone');
    expect(await lost).toMatchObject({ code: 'ECONNRESET' });
    await expect.poll(() => server.streams).toBe(0);
    expect(() => server.open()).toThrow(/cluster_unreachable/);
  });

  it('ends the tunnel of a peer that breaks the rules', async () => {
    const flood = pair(() => undefined);
    const stream = flood.server.open();
    const failed = new Promise((resolve) => stream.once('error', resolve));
    for (let i = 0; i < 12; i++) flood.server.receive(encodeFrame('data', 1, Buffer.alloc(32 * 1024)));
    expect(String(await failed)).toContain('more than it may');
    for (const message of [
      Buffer.alloc(0),
      Buffer.from([99, 0, 0, 0, 1]),
      encodeFrame('window', 1),
      encodeFrame('open', 7),
    ]) {
      const { server } = pair(() => undefined);
      server.receive(message);
      expect(() => server.open()).toThrow(/cluster_unreachable/);
    }
  });

  it('reads back every frame that it writes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...frameKinds),
        fc.nat({ max: 0xffff_ffff }),
        fc.uint8Array(),
        (kind, stream, bytes) => {
          if (kind === 'window') return;
          expect(decodeFrame(encodeFrame(kind, stream, bytes))).toEqual({ kind, stream, payload: Buffer.from(bytes) });
        },
      ),
    );
  });
});
