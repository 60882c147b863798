import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogRing } from './log-ring.js';

describe('LogRing', () => {
  it('holds exactly the newest bytes, however they came in', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }), (chunks) => {
        const ring = new LogRing(64);
        for (const chunk of chunks) ring.push(Buffer.from(chunk));
        expect(ring.tail()).toEqual(Buffer.concat(chunks).subarray(-64));
      }),
    );
  });
});
