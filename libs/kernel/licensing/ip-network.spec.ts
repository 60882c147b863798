import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress, parseNetwork } from './ip-network.js';

describe('parseAddress', () => {
  it.each<[string, readonly number[] | undefined]>([
    ['10.0.0.7', [0x0a00, 7]],
    ['255.255.255.255', [0xffff, 0xffff]],
    ['0.0.0.0', [0, 0]],
    ['1.2.3.4%eth0', [0x0102, 0x0304]],
    ['256.0.0.1', undefined],
    ['1.2.3.256', undefined],
    ['1.2.3', undefined],
    ['1.2.3.4.5', undefined],
    ['01.2.3.4', undefined],
    ['1.2.3.', undefined],
    ['1.2.3.4 ', undefined],
    ['a1.2.3.4', undefined],
    ['1.2.3.4a', undefined],
    ['', undefined],
    ['::', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['::1', [0, 0, 0, 0, 0, 0, 0, 1]],
    ['1::', [1, 0, 0, 0, 0, 0, 0, 0]],
    ['2001:db8::7', [0x2001, 0xdb8, 0, 0, 0, 0, 0, 7]],
    ['2001:DB8:0:0:1:2:3:4', [0x2001, 0xdb8, 0, 0, 1, 2, 3, 4]],
    ['fe80::1%eth0', [0xfe80, 0, 0, 0, 0, 0, 0, 1]],
    ['1:2:3:4:5:6:7::', [1, 2, 3, 4, 5, 6, 7, 0]],
    ['1:2:3:4:5:6:7:8::', undefined],
    ['1:2:3:4::5:6:7:8', undefined],
    ['1:2:3:4:5:6:7', undefined],
    ['1:2:3:4:5:6:7:8:9', undefined],
    ['1::2::3', undefined],
    [':1:2:3:4:5:6:7', undefined],
    ['1:2:3:4:5:6:7:', undefined],
    ['12345::', undefined],
    ['g::', undefined],
    ['x::1', undefined],
    ['1::x', undefined],
    ['::ffff:10.0.0.7', [0x0a00, 7]],
    ['::ffff:a00:7', [0x0a00, 7]],
    ['::fffe:10.0.0.7', [0, 0, 0, 0, 0, 0xfffe, 0x0a00, 7]],
    ['1::ffff:10.0.0.7', [1, 0, 0, 0, 0, 0xffff, 0x0a00, 7]],
    ['64:ff9b::1.2.3.4', [0x64, 0xff9b, 0, 0, 0, 0, 0x0102, 0x0304]],
    ['1:2:3:4:5:6:1.2.3.4', [1, 2, 3, 4, 5, 6, 0x0102, 0x0304]],
    ['::1.2.3.256', undefined],
    ['::1.2.3.4:5', undefined],
    [`::1%${'x'.repeat(60)}`, [0, 0, 0, 0, 0, 0, 0, 1]],
    [`::1%${'x'.repeat(61)}`, undefined],
  ])('reads %s', (text, words) => {
    expect(parseAddress(text)).toEqual(words);
  });
});

describe('parseNetwork', () => {
  it.each<[string, string, boolean | undefined]>([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.9/8', '10.1.2.3', true],
    ['192.168.4.0/22', '192.168.7.255', true],
    ['192.168.4.0/22', '192.168.8.0', false],
    ['192.168.4.0/22', '192.168.3.255', false],
    ['10.1.0.0/16', '10.1.255.255', true],
    ['10.1.0.0/16', '10.2.0.0', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '10.0.0.1', false],
    ['::/0', '::ffff:10.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['10.0.0.7', '10.0.0.7', true],
    ['10.0.0.7', '10.0.0.6', false],
    ['10.0.0.6/31', '10.0.0.7', true],
    ['10.0.0.7/32', '10.0.0.6', false],
    ['2001:db8::/32', '2001:db8:ffff::', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['2001:db8::8/125', '2001:db8::f', true],
    ['2001:db8::8/125', '2001:db8::10', false],
    ['2001:db8::1/128', '2001:db8::1', true],
    ['2001:db8::1/128', '2001:db8::', false],
    ['10.0.0.0/33', '10.0.0.0', undefined],
    ['::/129', '::', undefined],
    ['10.0.0.0/', '10.0.0.0', undefined],
    ['10.0.0.0/08', '10.0.0.0', undefined],
    ['10.0.0.0/8 ', '10.0.0.0', undefined],
    ['10.0.0.0/x8', '10.0.0.0', undefined],
    ['10.0.0.0/-1', '10.0.0.0', undefined],
    ['10.0.0.0/8/8', '10.0.0.0', undefined],
    ['/8', '10.0.0.0', undefined],
    ['office', '10.0.0.0', undefined],
  ])('%s, asked for %s: %s', (block, address, isIn) => {
    expect(parseNetwork(block)?.contains(parseAddress(address) ?? [])).toBe(isIn);
  });

  it('holds exactly the addresses that share its first bits', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    const text = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');
    fc.assert(
      fc.property(word, word, fc.integer({ min: 0, max: 32 }), fc.boolean(), (a, other, bits, near) => {
        const b = near ? (a ^ (other >>> Math.max(0, bits - 1))) >>> 0 : other;
        const same = bits === 0 || a >>> (32 - bits) === b >>> (32 - bits);
        expect(parseNetwork(`${text(a)}/${bits}`)?.contains(parseAddress(text(b)) ?? [])).toBe(same);
      }),
    );
  });
});
