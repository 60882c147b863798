import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseQuantity } from './parse-quantity.js';

describe('quantities', () => {
  it.each([
    ['250m', 0.25],
    ['1', 1],
    ['.5', 0.5],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['12e6', 12e6],
    ['2E', 2e18],
    ['100n', 1e-7],
    ['5u', 5e-6],
    ['3k', 3000],
    ['128Mi', 128 * 2 ** 20],
    ['-1', -1],
    ['1e-3', 0.001],
  ])('%s is %d', (text, value) => expect(parseQuantity(text)).toBe(value));

  it.each(['', 'x', '1K', '1 Gi', '1p', '1micro', 'Gi', '1e', '0x1', '1.2.3'])('%j is none', (text) =>
    expect(parseQuantity(text)).toBeUndefined(),
  );

  it('keeps thousandths to the last digit', () => {
    fc.assert(fc.property(fc.nat(100_000), (milli) => parseQuantity(`${milli}m`) === milli / 1000));
  });
});
