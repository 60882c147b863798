import { evaluate } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstInstantMs, inInt, intMax, lastInstantMs, orderOfTexts, timeSum } from './cel-arithmetic.js';

const span = (text: string) => evaluate(`duration("${text}")`);
const first = new Date('0001-01-01T00:00:00.000Z');
const last = new Date('9999-12-31T23:59:59.999Z');
const milli = timeSum('-', new Date(1), new Date(0));

describe('inInt', () => {
  it('holds ints to 64 bits, both ends included', () => {
    const [low, high] = [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n];
    expect([intMax, ...[low, 0n, high].map(inInt)]).toEqual([high, low, 0n, high]);
    for (const value of [low - 1n, high + 1n]) expect(() => inInt(value)).toThrow(new RangeError('an int has 64 bits'));
  });
});

describe('timeSum', () => {
  it('tells times from everything else', () => {
    for (const [left, right] of [
      [1, new Date(0)],
      [new Date(0), 1],
      ['a', 'b'],
      [{}, span('1s')],
      [span('1s'), null],
    ])
      expect(timeSum('+', left, right)).toBeUndefined();
  });

  it('adds exactly: a moved instant comes back, and two spans from one instant differ as instants do', () => {
    const instant = fc.integer({ min: firstInstantMs, max: lastInstantMs }).map((ms) => new Date(ms));
    fc.assert(
      fc.property(instant, instant, instant, (a, b, c) => {
        const between = timeSum('-', b, a);
        expect(timeSum('+', a, between)).toEqual(b);
        expect(timeSum('+', between, a)).toEqual(b);
        expect(timeSum('-', b, between)).toEqual(a);
        expect(timeSum('-', timeSum('-', c, a), between)).toEqual(timeSum('-', c, b));
        expect(between?.valueOf()).toBe(b.getTime() - a.getTime());
      }),
    );
  });

  it('keeps to the years 1 to 9999', () => {
    expect([firstInstantMs, lastInstantMs]).toEqual([first.getTime(), last.getTime()]);
    expect(timeSum('-', new Date(firstInstantMs + 1), milli)).toEqual(first);
    expect(timeSum('+', milli, new Date(lastInstantMs - 1))).toEqual(last);
    const outside = new RangeError('a timestamp lies in the years 1 to 9999');
    expect(() => timeSum('-', first, milli)).toThrow(outside);
    expect(() => timeSum('+', last, milli)).toThrow(outside);
  });

  it('keeps spans within ten thousand years, forwards and back', () => {
    const most = span('315576000000s');
    const least = timeSum('-', timeSum('-', most, most), most);
    expect([most, least, timeSum('+', most, least)].map(Number)).toEqual([
      315_576_000_000_000, -315_576_000_000_000, 0,
    ]);
    const outside = new RangeError('a duration lies within 10,000 years');
    expect(() => timeSum('+', most, milli)).toThrow(outside);
    expect(() => timeSum('-', least, milli)).toThrow(outside);
  });

  it('makes equal spans equal in their parts, whatever they were made of', () => {
    const half = timeSum('-', new Date(500), new Date(0));
    expect(timeSum('-', half, span('1s'))).toEqual(timeSum('-', new Date(0), new Date(500)));
    expect(timeSum('+', timeSum('-', half, span('1s')), half)).toEqual(span('0s'));
  });
});

describe('orderOfTexts', () => {
  it('is the order of the code points', () => {
    const texts = fc.array(
      fc.constantFrom('', 'a', 'b', '\ud7ff', '\ue000', '\uffff', '😀', '😁', '\u{10000}', '\u{10ffff}'),
      {
        maxLength: 4,
      },
    );
    const points = (text: string) => Array.from(text, (c) => c.codePointAt(0) ?? 0);
    const below = (a: readonly number[], b: readonly number[]): boolean => {
      const at = a.findIndex((point, i) => point !== b[i]);
      return at < 0 ? a.length < b.length : (a[at] ?? 0) < (b[at] ?? -1);
    };
    fc.assert(
      fc.property(texts, texts, texts, (start, left, right) => {
        const [a, b] = [[...start, ...left].join(''), [...start, ...right].join('')];
        const order = orderOfTexts(a, b);
        expect([order < 0, order === 0, order > 0]).toEqual([
          below(points(a), points(b)),
          a === b,
          below(points(b), points(a)),
        ]);
      }),
    );
  });
});
