import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changeLevel,
  deepOf,
  emptySpace,
  flatOf,
  kamafileData,
  mergedVars,
  mergeVars,
  originsOf,
  overlaySecrets,
  parseKamafile,
  type Space,
  unsetVars,
  type Vars,
  valueAt,
  variableLevels,
} from './index.js';

const name = fc.constantFrom('a', 'b', 'c', 'db', 'constructor', '__proto__', 'toString');
const leaf = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.string({ maxLength: 5 }),
  fc.array(fc.integer(), { maxLength: 3 }),
);
const tree = (depth: number): fc.Arbitrary<Vars> =>
  fc
    .array(fc.tuple(name, depth === 0 ? leaf : fc.oneof(leaf, tree(depth - 1))), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries) as Vars);
const vars = tree(3);
const space: fc.Arbitrary<Space> = fc
  .record({ default_vars: vars, publisher_injection_vars: vars, user_injection_vars: vars, user_vars: vars })
  .chain((levels) => vars.map((prefs) => ({ fields: { app_id: '7', extra: [1] }, levels, prefs })));
const dotted = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));

describe('the Kamafile', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('app', 'nmachine.prom', 'x'), space), (spaces) => {
        const kamafile = new Map(Object.entries(spaces));
        expect(parseKamafile(kamafileData(kamafile))).toEqual(kamafile);
      }),
    );
  });

  it('reads flat and deep assignments as the same, and pollutes no prototype', () => {
    fc.assert(
      fc.property(vars, (given) => {
        expect(deepOf(flatOf(given) as Vars)).toEqual(given);
        expect(({} as Record<string, unknown>)['a']).toBeUndefined();
      }),
    );
  });

  it('merges so that the later wins name by name', () => {
    fc.assert(
      fc.property(vars, vars, (a, b) => {
        // Not in whichever groups: where a value stood between two trees, the first tree is gone for good only when merged from the left.
        expect(mergeVars(a, {})).toEqual(a);
        expect(mergeVars(mergeVars(a, b), b)).toEqual(mergeVars(a, b));
        expect(mergeVars({}, a)).toEqual(a);
        for (const [key, value] of Object.entries(flatOf(b)))
          if (!(typeof value === 'object' && value !== null && !Array.isArray(value)))
            expect(valueAt(mergeVars(a, b), key)).toEqual(value);
      }),
    );
  });

  it('unsets what is named and leaves every other value alone', () => {
    fc.assert(
      fc.property(vars, fc.array(dotted, { maxLength: 3 }), (given, keys) => {
        const left = unsetVars(given, keys);
        for (const key of keys) expect(valueAt(left, key)).toBeUndefined();
        const isNamed = (key: string) => keys.some((unset) => key === unset || key.startsWith(`${unset}.`));
        for (const [key, value] of Object.entries(flatOf(given))) {
          const isTree = typeof value === 'object' && value !== null && !Array.isArray(value);
          if (!isNamed(key) && !isTree) expect(valueAt(left, key)).toEqual(value);
        }
        expect(unsetVars(left, keys)).toEqual(left);
      }),
    );
  });

  it('tells the level that each value is from, and what lies over it', () => {
    fc.assert(
      fc.property(space, (one) => {
        const merged = flatOf(mergedVars(one));
        const origins = originsOf(one);
        expect(Object.keys(origins).sort()).toEqual(Object.keys(merged).sort());
        for (const [key, level] of Object.entries(origins))
          expect(valueAt(one.levels[level], key)).toEqual(merged[key]);
      }),
    );
  });

  it('lays the levels of the Secret over those of the ConfigMap', () => {
    fc.assert(
      fc.property(space, space, (plain, secret) => {
        const joined = overlaySecrets(plain, secret);
        for (const level of variableLevels)
          expect(joined.levels[level]).toEqual(mergeVars(plain.levels[level], secret.levels[level]));
        expect(overlaySecrets(plain, emptySpace)).toEqual(plain);
      }),
    );
  });

  it('changes one level only', () => {
    fc.assert(
      fc.property(space, vars, fc.constantFrom(...variableLevels), (one, more, level) => {
        const changed = changeLevel(one, level, () => more);
        expect(changed).toEqual({ ...one, levels: { ...one.levels, [level]: more } });
      }),
    );
  });
});
