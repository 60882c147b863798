import { describe, expect, it } from 'vitest';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { openSession } from '../session/session.js';
import { files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';
import { compare, compareMany, operatorNames } from '../values/compare.js';
import { hasFormat } from './formats.js';

/** Ported: models/test_predicate perform_comparison. */
describe('operators', () => {
  it.each<[operators: readonly string[], left: unknown, right: unknown, holds: boolean]>([
    [['==', '=', 'eq', 'equal', 'equals'], '1', 1, true],
    [['=='], true, 'True', true],
    [['=='], 'a', 'b', false],
    [['=='], { a: ['1'] }, { a: [1] }, true],
    [['=='], null, null, true],
    [['!=', '=/=', 'neq', 'not-equal', 'not-equals'], 'a', 'b', true],
    [['!='], '1', 1, false],
    [['in', 'is-in'], 'a', 'abc', true],
    [['in'], '1', [1, 2], true],
    [['in'], 'x', ['y'], false],
    [['in'], 'k', { k: 1 }, true],
    [['in'], 'toString', {}, false],
    [['contains'], 'abc', 'b', true],
    [['contains'], ['a'], 'a', true],
    [['contains'], [], 'a', false],
    [['only', 'contains-only'], ['a', 'a'], 'a', true],
    [['only'], ['a', 'b'], 'a', false],
    [['only'], ['a'], ['a', 'b'], true],
    [['only'], [], 'a', false],
    [['>', 'gt', 'greater-than', 'is-greater-than'], '10', 9, true],
    [['>'], 'a', 1, false],
    [['>='], 2, 2, true],
    [['gte'], 1, 2, false],
    [['<', 'lt', 'less-than', 'is-less-than'], 1.5, '2', true],
    [['<=', 'lte'], 3, 2, false],
    [['presence', 'defined', 'is-defined'], 'x', null, true],
    [['defined'], 0, null, false],
    [['defined'], 'false', null, false],
    [['defined'], [], null, false],
    [['undefined', 'is-undefined'], null, null, true],
    [['undefined'], 'x', null, false],
    [['truthy', 'truthiness'], 'yes', null, true],
    [['truthy'], 'negative', null, false],
    [['falsy', 'falsiness', 'nullish'], 'no', null, true],
    [['empty'], [], null, true],
    [['empty'], [0], null, false],
    [['any', 'non-empty'], [0], null, true],
    [['any'], 'x', null, false],
    [['many'], [1, 2], null, true],
    [['many'], [1], null, false],
    [['no-such-operator'], 1, 1, false],
  ])('%j: %j and %j → %j', (operators, left, right, holds) => {
    for (const operator of operators) expect(compare(operator, left, right), operator).toBe(holds);
  });

  it('have no name that is not tested here', () => {
    expect(operatorNames).toHaveLength(41);
  });

  it('apply to lists by a policy; nothing is neither all true nor all false', () => {
    const policies = ['each_true', 'each_false', 'some_true', 'some_false', 'no-such-policy'];
    const outcome = (items: readonly unknown[]) => policies.map((policy) => compareMany(policy, '>', items, 1));
    expect(outcome([2, 3])).toEqual([true, false, true, false, false]);
    expect(outcome([0, 1])).toEqual([false, true, false, true, false]);
    expect(outcome([0, 2])).toEqual([false, false, true, true, false]);
    expect(outcome([])).toEqual([false, false, false, false, false]);
  });
});

describe('formats', () => {
  it.each<[string, unknown[], unknown[]]>([
    ['integer', [1, '1', '-42', -3], [1.5, '4.2', 'x', '', null, undefined, {}, true]],
    ['number', [1.5, '4.2', '-42', '.5'], ['x', '', Number.NaN, '1e999']],
    ['positive-integer', [0, '7'], [-1, '1.5', '-1']],
    // 8.3 no. 7: the original has it the wrong way round.
    ['boolean', [true, false, 'true', 'False'], ['yes', 1, '', 'maybe']],
    ['email', ['a@b.co', 'x.y+z@sub.example.org'], ['a@b', '@b.co', 'a b@c.co', `${'a'.repeat(65)}@b.co`, 5]],
    ['domain', ['example.org', 'a-b.co'], ['localhost', '-a.co', 'a..co', '1.2.3.4']],
    ['path', ['/', '/a/b.c-d'], ['a/b', '/a b']],
    ['password', ['Abcdef1!'], ['Abcdefg1', 'abcdef1!', 'Ab1!', 5]],
    ['url', ['https://a.test/x'], ['ftp://a.test', 'a.test']],
    ['quantity', ['250m', '1.5Gi', 3], ['1.5Xi', '-1Gi']],
  ])('%s', (format, good, bad) => {
    for (const value of good) expect(hasFormat(format, value), String(value)).toBe(true);
    for (const value of bad) expect(hasFormat(format, value), String(value)).toBe(false);
  });

  it('that nobody knows fit nothing', () => {
    expect(hasFormat('toString', 'x')).toBe(false);
  });

  it('take hostile text without delay', () => {
    for (const text of [`${'a'.repeat(50_000)}@`, `${'1'.repeat(50_000)}.`, `/${'a'.repeat(50_000)} `])
      for (const format of ['email', 'number', 'path', 'domain']) expect(hasFormat(format, text)).toBe(false);
  });
});

/** Ported: models/test_multi_predicate ands, ors; models/test_predicate evaluate. */
describe('predicates', () => {
  const open = (text: string) =>
    openSession(loadBundle(files(text)), { kamafile: aKamafile(), namespace: 'shop', budget: { timeMs: 60_000 } });
  const truth = async (text: string) => open(`${text}\n`).resolve('p');
  const joined = (operator: string, ...values: boolean[]) =>
    `kind: MultiPredicate\nid: p\n${operator}predicates: [${values.map((each) => `kind::${each ? 'True' : 'False'}Predicate`).join(', ')}]`;

  it('are joined by "and", unless told otherwise', async () => {
    expect(await truth(joined('', true, true))).toBe(true);
    expect(await truth(joined('', true, false))).toBe(false);
    expect(await truth(joined('operator: and\n'))).toBe(true);
    expect(await truth(joined('operator: or\n'))).toBe(false);
    expect(await truth(joined('operator: or\n', false, true))).toBe(true);
    expect(await truth(joined('operator: or\n', false, false))).toBe(false);
  });

  it('compare what they resolve, by "==" unless told otherwise', async () => {
    expect(await truth('kind: Predicate\nid: p\nchallenge: "in ${get::ns}"\ncheck_against: in shop')).toBe(true);
    expect(await truth('kind: Predicate\nid: p\nchallenge: "${get::ns}"\ncheck_against: bar')).toBe(false);
  });

  it('can be negated, and decided early', async () => {
    expect(await truth('kind: Predicate\nid: p\nchallenge: 1\ncheck_against: 1\nnegate: true')).toBe(false);
    expect(await truth('kind: Predicate\nid: p\nchallenge: 1\ncheck_against: 2\nearly_true_if: true')).toBe(true);
    expect(await truth('kind: Predicate\nid: p\nchallenge: 1\ncheck_against: 1\nearly_false_if: true')).toBe(false);
  });
});
