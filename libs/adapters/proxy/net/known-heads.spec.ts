import { describe, expect, it } from 'vitest';
import type { Plan } from '../exchange.js';
import { KnownHeads } from './known-heads.js';
import { MessageHead } from './message-head.js';
import { parseRequestHead } from './parse-head.js';

const requestBytes = (more = '') => Buffer.from(`GET /a HTTP/1.1\r\nHost: h\r\n${more}\r\n`, 'latin1');
const plan = {
  target: { origin: 'http://127.0.0.1:1', path: '/' },
  again: { open: () => undefined },
} as unknown as Plan<string>;

function note(heads: KnownHeads<string>, bytes: Buffer): void {
  const head = new MessageHead();
  expect(parseRequestHead(bytes, 0, bytes.length, head)).toBe(bytes.length);
  const facts = { method: 'GET', target: '/a', httpMinor: 1, wantsClose: false } as const;
  heads.note(head, facts, plan, Buffer.from('beginning'));
}
const find = (heads: KnownHeads<string>, bytes: Buffer) => heads.find(bytes, 0, bytes.length);
const round = (heads: KnownHeads<string>): void => {
  for (let i = 0; i < 8_192 / 4; i++) heads.tick();
};

describe('KnownHeads', () => {
  it('wants to know a head that comes twice, and finds it wherever it lies in memory', () => {
    const heads = new KnownHeads<string>();
    const bytes = requestBytes();
    expect([find(heads, bytes), heads.wanted]).toEqual([undefined, false]);
    expect([find(heads, bytes), heads.wanted]).toEqual([undefined, true]);
    note(heads, bytes);
    const elsewhere = Buffer.concat([Buffer.from('xyz'), requestBytes(), Buffer.from('xyz')]);
    expect(heads.find(elsewhere, 3, elsewhere.length - 3)?.beginning.toString()).toBe('beginning');
    expect(heads.wanted).toBe(false);
    for (const [from, to] of [
      [2, -3],
      [3, -2],
      [3, -4],
    ] as const)
      expect(heads.find(elsewhere, from, elsewhere.length + to)).toBeUndefined();
  });

  it('tells heads apart that differ in any one bit', () => {
    const heads = new KnownHeads<string>();
    const bytes = requestBytes('Authorization: Bearer nml_0123456789\r\n');
    note(heads, bytes);
    for (let at = 0; at < bytes.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        const other = Buffer.from(bytes);
        other[at] = (other[at] as number) ^ (1 << bit);
        expect(find(heads, other)).toBeUndefined();
      }
    expect(find(heads, bytes)).toBeDefined();
  });

  it('tells heads apart that have one hash', () => {
    const heads = new KnownHeads<string>();
    const bytes = requestBytes(`A: ${'x'.repeat(40)}\r\n`);
    const other = Buffer.from(bytes);
    // The upmost bit of one word comes out of the hash's step as two bits, whatever the seed; the next word takes them back.
    const at = 32;
    for (const [byte, bits] of [
      [at + 3, 0x80],
      [at + 6, 0x01],
      [at + 7, 0x80],
    ] as const)
      other[byte] = (other[byte] as number) ^ bits;
    expect([find(heads, bytes), heads.wanted]).toEqual([undefined, false]);
    expect([find(heads, other), heads.wanted]).toEqual([undefined, true]);
    note(heads, bytes);
    expect([find(heads, other), find(heads, bytes)?.bytes]).toEqual([undefined, bytes]);
    note(heads, other);
    expect([find(heads, other)?.bytes, find(heads, bytes)]).toEqual([other, undefined]);
  });

  it('keeps nothing of a head whose memory is used again', () => {
    const heads = new KnownHeads<string>();
    const bytes = requestBytes();
    note(heads, bytes);
    bytes.fill(0);
    expect(find(heads, requestBytes())?.bytes).toEqual(requestBytes());
  });

  it('forgets what was not used for a round, and never holds more than its slots', () => {
    const heads = new KnownHeads<string>();
    const [used, unused] = [requestBytes('A: 1\r\n'), requestBytes('A: 2\r\n')];
    note(heads, used);
    note(heads, unused);
    round(heads);
    expect(find(heads, used)).toBeDefined();
    round(heads);
    expect([find(heads, used) !== undefined, find(heads, unused)]).toEqual([true, undefined]);
    const many = Array.from({ length: 20_000 }, (_, i) => requestBytes(`A: ${i}x\r\n`));
    for (const bytes of many) note(heads, bytes);
    const found = many.filter((bytes) => find(heads, bytes) !== undefined).length;
    expect(found).toBeGreaterThan(4_000);
    expect(found).toBeLessThanOrEqual(8_192);
  });

  it('leaves long heads alone', () => {
    const heads = new KnownHeads<string>();
    const bytes = requestBytes(`A: ${'x'.repeat(1_600)}\r\n`);
    find(heads, bytes);
    find(heads, bytes);
    expect(heads.wanted).toBe(false);
  });
});
