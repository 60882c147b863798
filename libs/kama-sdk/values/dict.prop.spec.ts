import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coerceAll, equalValues } from './coerce.js';
import { type Dict, deepGet, deepMerge, deepToFlat, deepUnset, flatToDeep, isDict, mergeAll } from './dict.js';

const name = fc.constantFrom('a', 'b', 'web', '__proto__', 'constructor', 'toString', 'hasOwnProperty');
const leaf = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.string({ maxLength: 4 }),
  fc.array(fc.integer(), { maxLength: 2 }),
);
const dict = (depth: number): fc.Arbitrary<Dict> =>
  fc
    .array(fc.tuple(name, depth === 0 ? leaf : fc.oneof(leaf, dict(depth - 1))), { maxLength: 4 })
    .map(
      (entries) =>
        JSON.parse(
          `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`,
        ) as Dict,
    );
const deep = dict(3);
/** Without empty objects within, which have no leaf to go by. */
const full = (value: Dict): boolean =>
  Object.values(value).every((each) => !isDict(each) || (Object.keys(each).length > 0 && full(each)));

describe('merging', () => {
  it('changes nothing that it is given and no prototype', () => {
    fc.assert(
      fc.property(deep, deep, (base, over) => {
        const before = JSON.stringify([base, over]);
        const merged = deepMerge(base, over);
        expect(JSON.stringify([base, over])).toBe(before);
        expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
        expect(Object.keys(Object.prototype)).toEqual([]);
        expect(({} as Record<string, unknown>)['a']).toBeUndefined();
      }),
    );
  });

  it('is idempotent, has a neutral element, and lets the later one win', () => {
    fc.assert(
      fc.property(deep, deep, deep, (one, two, three) => {
        expect(deepMerge(one, one)).toEqual(one);
        expect(deepMerge(one, {})).toEqual(one);
        expect(deepMerge({}, one)).toEqual(one);
        // From left to right: where an object meets a value that is none, the order matters.
        expect(mergeAll([one, two, three])).toEqual(deepMerge(deepMerge(one, two), three));
        for (const [key, value] of Object.entries(two))
          if (!isDict(value)) expect(deepMerge(one, two)[key]).toEqual(value);
      }),
    );
  });

  it('keeps the order of what was there first', () => {
    fc.assert(
      fc.property(deep, deep, (one, two) => {
        const keys = Object.keys(deepMerge(one, two)).filter((key) => !/^\d+$/.test(key));
        expect(keys.slice(0, Object.keys(one).length)).toEqual(Object.keys(one));
      }),
    );
  });
});

describe('flat and deep keys', () => {
  it('are two ways to write the same', () => {
    fc.assert(
      fc.property(deep, (value) => {
        expect(flatToDeep(deepToFlat(value))).toEqual(value);
        expect(flatToDeep(flatToDeep(deepToFlat(value)))).toEqual(value);
        if (full(value))
          for (const [key, each] of Object.entries(deepToFlat(value)))
            expect(deepGet(value, key) ?? null).toEqual(each);
      }),
    );
  });

  it('lose exactly what is unset', () => {
    fc.assert(
      fc.property(deep, (value) => {
        const [victim, ...others] = Object.keys(deepToFlat(value));
        if (victim === undefined) return;
        const left = deepToFlat(deepUnset(value, [victim]));
        expect(Object.hasOwn(left, victim)).toBe(false);
        for (const key of others) expect(left[key]).toEqual(deepToFlat(value)[key]);
      }),
    );
  });

  it('reach nothing that a prototype has', () => {
    expect(deepGet({}, 'constructor.name')).toBeNull();
    expect(deepGet({}, '__proto__.toString')).toBeNull();
    flatToDeep(JSON.parse('{"__proto__.polluted": 1, "constructor.prototype.polluted": 1}') as Dict);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('coercion', () => {
  it('reads numbers and booleans out of text, and loses no digits', () => {
    expect(coerceAll({ a: '1', b: ['2.5', 'True'], c: 'x1', d: '90071992547409931', e: ' 7 ', f: '' })).toEqual({
      a: 1,
      b: [2.5, true],
      c: 'x1',
      d: '90071992547409931',
      e: 7,
      f: '',
    });
  });

  it('is idempotent', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(equalValues(coerceAll(coerceAll(value)), coerceAll(value))).toBe(true);
      }),
    );
  });
});
