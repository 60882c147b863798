import { describe, expect, it } from 'vitest';
import { convertQuantity, humanBytes, readQuantity } from './quantities.js';

describe('quantities as publishers write them', () => {
  it.each([
    ['250m', 0.25],
    ['1.5Gi', 1.5 * 2 ** 30],
    [' 5 GB ', 5e9],
    ['3K', 3e3],
    ['2k', 2e3],
    ['12e6', 12e6],
    ['-1Ki', -1024],
    [7, 7],
    [Number.NaN, 0],
    ['lots', 0],
    ['1.5Xi', 0],
    ['', 0],
    [undefined, 0],
    [{}, 0],
  ])('%o is %s', (value, amount) => expect(readQuantity(value)).toBe(amount));

  it('converts, and leaves the number when the unit is none', () => {
    expect(convertQuantity('1Gi', 'Mi')).toBe(1024);
    expect(convertQuantity('3', 'toString')).toBe(3);
  });

  it('picks the unit in which a number is short', () => {
    expect(humanBytes(1_500_000)).toEqual({ amount: 1.5, unit: 'M' });
    expect(humanBytes(0)).toEqual({ amount: 0, unit: '' });
  });
});
