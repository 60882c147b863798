import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventStreamTail } from './sse-tail.js';
import { closeFrame, FrameBoundary } from './websocket-frames.js';

/** frame builds a server's frame with each of the three length forms. */
function frame(payload: Uint8Array): Buffer {
  const { length } = payload;
  const head = length < 126 ? [0x82, length] : length < 65_536 ? [0x82, 126, length >> 8, length & 255] : undefined;
  const long = Buffer.alloc(10);
  if (!head) {
    long.set([0x82, 127]);
    long.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head ? Buffer.from(head) : long, payload]);
}

describe('FrameBoundary', () => {
  it('is clean exactly between frames, however the bytes are cut', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(125, 126, 65_535, 65_536));
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 5000 })),
        (sizes, cuts) => {
          const frames = sizes.map((length) => frame(Buffer.alloc(length, 0x88)));
          const ends = new Set<number>();
          let sum = 0;
          for (const { length } of frames) {
            sum += length;
            ends.add(sum);
          }
          const bytes = Buffer.concat(frames);
          const boundary = new FrameBoundary();
          let at = 0;
          for (let i = 0; at < bytes.length; i++) {
            const next = Math.min(bytes.length, at + (cuts[i % (cuts.length || 1)] ?? 7));
            boundary.see(bytes.subarray(at, next));
            at = next;
            expect(boundary.clean).toBe(ends.has(at));
          }
        },
      ),
    );
  });

  it('makes close frames of RFC 6455', () => {
    expect([...closeFrame(1001)]).toEqual([0x88, 2, 3, 0xe9]);
  });
});

describe('EventStreamTail', () => {
  const tailOf = (...chunks: string[]): string | undefined => {
    const tail = EventStreamTail.of(['Content-Type', 'text/event-stream; charset=utf-8']);
    for (const chunk of chunks) tail?.see(Buffer.from(chunk));
    return tail?.goodbye();
  };
  it('says when to come back only between two events', () => {
    for (const chunks of [[], ['data: 1\n\n'], ['data: 1\r\n\r\n'], ['data: 1', '\n', '\n']])
      expect(tailOf(...chunks)).toBe('retry: 1000\n\n');
    for (const chunks of [['data: 1\n'], ['data: 1\n\nda'], ['data: 1\n', 'x\n']]) expect(tailOf(...chunks)).toBe('');
  });
  it('keeps out of compressed or measured bodies, and of anything else', () => {
    expect(EventStreamTail.of(['content-type', 'application/json'])).toBeUndefined();
    expect(EventStreamTail.of(['content-type', 'text/event-stream', 'content-encoding', 'gzip'])).toBeUndefined();
    expect(EventStreamTail.of(['content-type', 'text/event-stream', 'content-length', '9'])).toBeUndefined();
  });
});
