import { isFault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { compileRules, loadRules, noRules } from './compile-rules.js';
import { decide } from './decide.js';
import type { DecisionInput } from './facts.js';
import type { AccessRule } from './rules.js';

const rule = (more: Partial<AccessRule> = {}): AccessRule => ({
  id: 'r',
  name: 'a rule',
  effect: 'deny',
  when: 'true',
  ...more,
});
const issuesOf = (rules: readonly AccessRule[]): unknown => {
  try {
    compileRules(rules);
  } catch (error) {
    if (isFault(error) && error.code === 'rules_invalid') return error.extra['issues'];
    throw error;
  }
  return [];
};
const input: DecisionInput = {
  licence: { id: 'lic_1', state: 'active', startsAtMs: 0, expiresAtMs: undefined, grace: [], trial: false },
  plan: { slug: 'pro', entitlements: {}, limits: {} },
  customer: { id: 'cust_1', name: 'Acme' },
  version: '1',
  request: { method: 'GET', path: '/', routeClass: 'read', address: '127.0.0.1' },
};
const start = { line: 1, column: 1, offset: 0 };

describe('compileRules', () => {
  it('says of each fault where it is', () => {
    expect(
      issuesOf([
        rule(),
        rule({ id: 'second', when: 'true &&\n  plan.slag == "pro"' }),
        rule({ id: 'third', when: 'plan.slug == 1\n&& true' }),
        rule({ id: 'fourth', when: 'true\n&&\n   planet == 1' }),
      ]),
    ).toEqual([
      { ruleId: 'second', index: 1, message: '"plan" has no field "slag".', line: 2, column: 3, offset: 10 },
      { ruleId: 'third', index: 2, message: 'no such overload: string == int', ...start },
      { ruleId: 'fourth', index: 3, message: 'There is no variable "planet".', line: 3, column: 4, offset: 11 },
    ]);
  });

  it('holds what is to be saved against the second parser, though the same text is in force', () => {
    const when = 'size(version) == 1 && -1.size() == 1';
    loadRules([rule({ when })]);
    expect(issuesOf([rule({ when })])).toMatchObject([
      { message: expect.stringMatching(/^CEL reads this differently/) },
    ]);
  });

  it('takes ids that are unique and not ours', () => {
    expect(issuesOf([rule(), rule({ id: 'r2' }), rule()])).toEqual([
      { ruleId: 'r', index: 2, message: 'The id "r" is used twice.', ...start },
    ]);
    const message = 'The id must not be empty or start with "builtin:".';
    expect(issuesOf([rule({ id: '' })])).toEqual([{ ruleId: '', index: 0, message, ...start }]);
    expect(issuesOf([rule({ id: 'builtin:x' })])).toEqual([{ ruleId: 'builtin:x', index: 0, message, ...start }]);
    expect(issuesOf([rule({ id: 'my-builtin:x' })])).toEqual([]);
  });

  it('takes the codes that are documented, on deny rules only', () => {
    for (const code of ['rule_denied', 'payment_required', 'access_paused', 'not_found'])
      expect(issuesOf([rule({ code })])).toEqual([]);
    expect(issuesOf([rule({ code: 'licence_expired' })])).toMatchObject([
      { message: 'The code must be one of: rule_denied, payment_required, access_paused, not_found.' },
    ]);
    expect(issuesOf([rule({ code: 'not_found', effect: 'read-only' })])).toMatchObject([
      { message: 'Only a deny rule has a code.' },
    ]);
    expect(issuesOf([rule({ effect: 'allow' })])).toEqual([]);
  });

  it('takes 100 rules of 2000 characters that cost 10 000 units together', () => {
    const rules = (n: number) => Array.from({ length: n }, (_, i) => rule({ id: `r${i}` }));
    expect(issuesOf(rules(100))).toEqual([]);
    expect(issuesOf(rules(102))).toEqual([
      { ruleId: 'r100', index: 100, message: 'A set has at most 100 rules.', ...start },
    ]);
    expect(issuesOf([rule({ when: `true${' '.repeat(1_996)}` })])).toEqual([]);
    expect(issuesOf([rule({ when: `true${' '.repeat(1_997)}` })])).toMatchObject([
      { message: 'An expression has at most 2000 characters.' },
    ]);
    const dear = (n: number) => Array.from({ length: n }, () => 'version.matches("a")').join(' && ');
    // 19 of them cost 1956 units: five are 9780, and 220 are left.
    const set = [0, 1, 2, 3, 4].map((i) => rule({ id: `r${i}`, when: dear(19) }));
    const left = (more: string) => `${dear(2)} && ${Array.from({ length: 6 }, () => 'true').join(' && ')} && ${more}`;
    const over = [{ ruleId: 'r', index: 5, message: 'All rules together may cost at most 10000 units.', ...start }];
    expect(issuesOf([...set, rule({ when: left('!true') })])).toEqual([]);
    expect(issuesOf([...set, rule({ when: left('!!true') }), rule({ id: 'last' })])).toEqual(over);
    expect(issuesOf([...set, rule({ when: left('!true') }), rule({ id: 'last' })])).toEqual([
      { ...over[0], ruleId: 'last', index: 6 },
    ]);
  });
});

describe('loadRules', () => {
  it('never throws: what does not compile denies', () => {
    expect(decide(loadRules([rule({ when: '(' })]), input, 5)).toEqual({
      effect: 'deny',
      code: 'rule_failed',
      ruleId: 'r',
      validUntilMs: Infinity,
    });
    expect(decide(loadRules([rule({ when: 'false' })]), input, 5).code).toBe('licence_active');
    expect(noRules.rules).toEqual([]);
  });

  it('makes one program of expressions that are written alike, for whichever app', () => {
    const programOf = (id: string, when: string) =>
      loadRules([{ id, name: id, effect: 'deny', when }]).rules[0]?.program;
    expect(programOf('a', 'licence.trial')).toBeDefined();
    expect(programOf('b', 'licence.trial')).toBe(programOf('a', 'licence.trial'));
    expect(programOf('a', 'licence.trial ')).not.toBe(programOf('a', 'licence.trial'));
  });
});

describe('a decision', () => {
  it('carries code and message of its rule', () => {
    const told = (more: Partial<AccessRule>) => decide(compileRules([rule(more)]), { ...input, factsVersion: 'v1' }, 5);
    expect(told({ code: 'not_found', message: 'Gone fishing.' })).toEqual({
      effect: 'deny',
      code: 'not_found',
      ruleId: 'r',
      message: 'Gone fishing.',
      factsVersion: 'v1',
      validUntilMs: Infinity,
    });
    expect(told({})).toEqual({
      effect: 'deny',
      code: 'rule_denied',
      ruleId: 'r',
      factsVersion: 'v1',
      validUntilMs: Infinity,
    });
    expect(told({ effect: 'allow' })).toMatchObject({ effect: 'allow', code: 'rule_allowed' });
    expect(told({ effect: 'read-only' })).toMatchObject({ effect: 'read-only', code: 'rule_read_only' });
    expect(told({ when: 'plan.entitlements.x == 1' })).toEqual({
      effect: 'deny',
      code: 'rule_failed',
      ruleId: 'r',
      factsVersion: 'v1',
      validUntilMs: Infinity,
    });
  });
});
