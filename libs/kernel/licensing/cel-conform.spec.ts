import { describe, expect, it } from 'vitest';
import { compileExpression } from './cel-program.js';
import { change, fault, input, test, variablesAt } from './test/cel-sight.js';

describe('what the evaluator and CEL group differently', () => {
  const brackets = 'Put brackets around one of these comparisons: CEL groups them from left to right.';

  it.each<[string, number]>([
    ['true == 1 < 2', 0],
    ['false != plan.slug in ["a"]', 0],
    ['plan.slug == (version) in [true]', 0],
    ['licence.trial && (false == 5 < 5)', 18],
    ['[true].exists(x, x == 1 <= 2)', 17],
    ['licence.trial ? true : true == true == 1 > 2', 23],
    ['1 < 2 == 2 < 3', 0],
  ])('refuses %s, when it is saved and when it was', (when, offset) => {
    expect(fault(when)).toEqual([brackets, offset]);
    expect(() => compileExpression(when, 'stored')).toThrow(brackets);
  });

  it.each<[string, boolean]>([
    ['true == (1 < 2)', true],
    ['(false == true) == (2 < 1)', true],
    ['1 < 2 == true', true],
    ['1 < 2 == (2 < 3) != false', true],
    ['(true == true) in [false]', false],
    ['1 + 1 == 2 && 2 <= 3', true],
    ['!!licence.trial && !(!(licence.trial)) && --1 == 1 && -(-1) == 1', true],
    ['(true && true) && (true && (true || false)) || false', true],
    ['!(!(false || false)) || true', true],
    ['true && !(!(!(!(true && licence.trial)))) && true', true],
    ['false || true == (1 >= 2) || !(!(false || licence.trial))', true],
    ['-1 < 0 && -1.5 < 0.0 && -(1) < 0 && -size(version) < 0', true],
    ['licence.trial ? 1 < 2 : 2 < 1', true],
    ["'a' == \"a\" && r'\\d' != '''\\x41''' && '\\u00e9' == 'é'", true],
    ['[1, 2].exists(x, true == (x < 2) || false) && [1].all(x, x == 1) && [1].exists_one(x, x == 1)', true],
    ['0x10 == 16 && 1e3 == 1000.0', true],
  ])('takes %s', (when, answer) => {
    expect([when, test(when)]).toEqual([when, answer]);
    expect(compileExpression(when, 'stored').test(variablesAt(5_000))).toBe(answer);
  });

  it.each<[string, string, number]>([
    ['-1.size() == 1', 'CEL reads this differently: write it in another way, or with brackets.', 0],
    ['true && - -size(version) == 1', 'CEL does not read this: ', 5],
    ['licence.trial ? true ? true : false : false', 'CEL does not read this: ', 14],
  ])('refuses %s, which CEL reads otherwise', (when, message, offset) => {
    const [said, at] = fault(when);
    expect([said.startsWith(message), said, at]).toEqual([true, said, offset]);
  });
});

describe('values', () => {
  it('orders strings by code points', () => {
    for (const when of [
      '"\\uffff" < "😀" && "😀" > "\\uffff" && "😀" >= "\\uffff" && "\\uffff" <= "😀"',
      '"a" < "b" && "a" < "aa" && !("a" < "a") && "a" <= "a" && "" < "a" && "é" > "z" && "\\ue000" < "😀"',
      '"😀" < "😁" && !("😁" < "😀") && "a😀" < "b" && plan.slug < "😀" && "\\ud7ff" < "\\ue000"',
      'plan.entitlements.region > "a" && plan.entitlements.region <= "eu" && plan.entitlements.seats >= 5',
    ])
      expect([when, test(when)]).toEqual([when, true]);
  });

  it('orders two strings by each operator, literal or from a plan', () => {
    for (const left of ['"eu"', 'plan.entitlements.region'])
      for (const [op, answers] of Object.entries({
        '<': [false, false, true],
        '<=': [false, true, true],
        '>': [true, false, false],
        '>=': [true, true, false],
      }))
        expect([left, op, ...['"as"', '"eu"', '"us"'].map((right) => test(`${left} ${op} ${right}`))]).toEqual([
          left,
          op,
          ...answers,
        ]);
  });

  it('orders what only a plan tells to be strings by code points too', () => {
    const plan = { ...input.plan, entitlements: { high: '\uffff', higher: '😀' } };
    const [high, higher] = ['plan.entitlements.high', 'plan.entitlements.higher'];
    for (const when of [`${high} < "😀"`, `"\\uffff" < ${higher}`, `${high} < ${higher}`, `${higher} >= ${high}`])
      expect([when, test(when, 5_000, { ...input, plan })]).toEqual([when, true]);
  });

  it('orders no string with something else', () => {
    for (const [left, right] of ['region seats', 'seats region', 'region sso', 'sso region'].map((two) =>
      two.split(' '),
    ))
      for (const op of ['<', '<=', '>', '>='])
        expect(() => test(`plan.entitlements.${left} ${op} plan.entitlements.${right}`)).toThrow();
  });

  it('holds doubles to no bits of ints', () => {
    expect(test('1e300 / 2.0 > 1e299 && -1e300 < 0.0 && plan.limits.installsMax / 4.0 == 0.5')).toBe(true);
  });

  it('holds ints to 64 bits', () => {
    expect(test('-9223372036854775808 < 0 && 9223372036854775807 > 0 && -9223372036854775807 - 1 < 0')).toBe(true);
    for (const when of ['-(-9223372036854775807 - 1) > 0', '(-9223372036854775807 - 1) / -1 > 0'])
      expect(() => test(when), when).toThrow('64 bits');
    expect(fault('1 < 9223372036854775808')).toEqual(['An int has 64 bits.', 4]);
    expect(fault('-9223372036854775809 < 0')).toEqual(['An int has 64 bits.', 1]);
  });

  it('keeps sums of times exact, within the calendar', () => {
    const far = 'timestamp("9999-12-31T23:59:59.999Z")';
    for (const when of [
      '(timestamp("1970-01-01T00:00:04.500Z") - now) + (timestamp("1970-01-01T00:00:04.400Z") - now) == timestamp("1970-01-01T00:00:03.900Z") - now',
      '(now - timestamp("1970-01-01T00:00:05.500Z")) - (timestamp("1970-01-01T00:00:05.700Z") - now) == duration("1s") - (timestamp("1970-01-01T00:00:07.200Z") - now)',
      'timestamp("0900-01-01T00:00:00.001Z") + (now - timestamp("0900-01-01T00:00:00.001Z")) == now',
      `${far} > now && ${far} - duration("1s") < ${far}`,
      '(licence.trial ? duration("1s") : duration("2s")) + now > now && [duration("1s")][0] + now > now',
      '(duration("1s") + duration("1s")) + licence.starts_at > licence.starts_at && (now - now) + now == now',
    ])
      expect([when, test(when)]).toEqual([when, true]);
    for (const when of [
      `${far} + (timestamp("1970-01-01T00:00:00.001Z") - timestamp("1970-01-01T00:00:00Z")) > now`,
      'timestamp("0001-01-01T00:00:00Z") - duration("1s") < now',
      `(${far} - timestamp("0001-01-01T00:00:00Z")) + (${far} - now) > duration("1s")`,
    ])
      expect(() => test(when), when).toThrow();
  });

  it('knows when a sum leaves the calendar', () => {
    const when =
      'now + (timestamp("9999-12-31T23:59:59.999Z") - timestamp("1970-01-01T00:00:10Z")) > licence.starts_at';
    expect(test(when, 9_999)).toBe(true);
    expect(test(when, 10_000)).toBe(true);
    expect(() => test(when, 10_001)).toThrow();
    expect(change(when, 5_000)).toBe(10_001);
    const before = 'now - (timestamp("1970-01-01T00:00:10Z") - timestamp("0001-01-01T00:00:00Z")) < licence.starts_at';
    expect(() => test(before, 9_999)).toThrow();
    expect(test(before, 10_000)).toBe(true);
    expect(change(before, 5_000)).toBe(10_000);
  });
});
