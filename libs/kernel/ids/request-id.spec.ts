import { describe, expect, it } from 'vitest';
import { RequestId } from './request-id.js';
import { encodeBase32, isId } from './typeid.js';

describe('RequestId', () => {
  it('is a TypeID of a UUIDv7 of its time, and no other’s', () => {
    const nowMs = 1_764_000_000_123;
    const texts = Array.from({ length: 2_000 }, () => new RequestId(nowMs).text);
    expect(new Set(texts).size).toBe(2_000);
    const time = Buffer.alloc(16);
    time.writeUIntBE(nowMs, 0, 6);
    for (const text of texts) {
      expect(isId('request', text)).toBe(true);
      expect(text.slice(4, 14)).toBe(encodeBase32(time).slice(0, 10));
      const digits = [...text.slice(14)].map((digit) => '0123456789abcdefghjkmnpqrstvwxyz'.indexOf(digit));
      expect((digits[0] ?? 0) >> 1).toBe(0b0111);
      // Bits 16 and 17 of the eighty: the variant.
      expect(((digits[3] ?? 0) >> 2) & 3).toBe(0b10);
    }
  });

  it('uses every other bit', () => {
    const ever = { set: 0n, clear: 0n };
    const all = (1n << 80n) - 1n;
    for (let i = 0; i < 2_000; i++) {
      let bits = 0n;
      for (const digit of new RequestId(1).text.slice(14))
        bits = bits * 32n + BigInt('0123456789abcdefghjkmnpqrstvwxyz'.indexOf(digit));
      ever.set |= bits;
      ever.clear |= all ^ bits;
    }
    const fixed = (0b1111n << 76n) | (0b11n << 62n);
    expect([ever.set & ~fixed & all, ever.clear & ~fixed & all]).toEqual([all & ~fixed, all & ~fixed]);
  });
});
