import { describe, expect, it } from 'vitest';
import { loadRules } from './compile-rules.js';
import { decide } from './decide.js';
import { refusalOf } from './decision.js';
import type { DecisionInput } from './facts.js';

const input: DecisionInput = {
  licence: { id: 'lic_1', state: 'active', startsAtMs: 0, expiresAtMs: 10_000, grace: [], trial: false },
  plan: { slug: 'pro', entitlements: { sso: true }, limits: { installsMax: 2 } },
  customer: { id: 'cust_1', name: 'Acme' },
  version: '1.2.0',
  channel: 'stable',
  request: { method: 'GET', path: '/api/status', routeClass: 'read', address: '10.0.0.7' },
};
const rules = (...whens: string[]) =>
  loadRules(whens.map((when, i) => ({ id: `r${i}`, name: when, effect: 'deny', when })));

describe('decide', () => {
  it('takes the first rule that matches, and the defaults when none does', () => {
    expect(decide(rules('plan.slug == "free"', 'request.path.startsWith("/api/")', 'true'), input, 5)).toEqual({
      effect: 'deny',
      code: 'rule_denied',
      ruleId: 'r1',
      validUntilMs: Infinity,
    });
    expect(decide(rules('plan.slug == "free"'), input, 5)).toMatchObject({ effect: 'allow', code: 'licence_active' });
  });

  it('holds until the first instant of the rules that were asked, and of the licence', () => {
    const from = (ms: string) => `now >= timestamp("1970-01-01T00:00:${ms}Z")`;
    const untilMs = (...whens: string[]) => decide(rules(...whens), input, 5).validUntilMs;
    expect([untilMs(from('06'), from('07')), untilMs(from('07'), from('06'))]).toEqual([6_000, 6_000]);
    expect([untilMs(from('11')), untilMs()]).toEqual([10_000, 10_000]);
    expect(untilMs(from('07'), 'plan.slug == "pro"', from('06'))).toBe(7_000);
    expect(untilMs(from('07'), 'plan.entitlements.seats > 3', from('06'))).toBe(7_000);
    expect(untilMs('true', from('06'))).toBe(Infinity);
  });

  it('denies when a rule fails', () => {
    expect(decide(rules('plan.entitlements.seats > 3'), input, 5)).toMatchObject({ code: 'rule_failed', ruleId: 'r0' });
    expect(decide(rules('plan.'), input, 5)).toMatchObject({ code: 'rule_failed', ruleId: 'r0' });
  });
});

describe('refusalOf', () => {
  const asked = (method: string, routeClass: DecisionInput['request']['routeClass']) => ({ method, routeClass });

  it('lets reading pass under read-only, and says whose read-only it is to the rest', () => {
    const grace = { effect: 'read-only', code: 'licence_grace' } as const;
    const byRule = { effect: 'read-only', code: 'rule_read_only' } as const;
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      for (const routeClass of ['read', 'validate'] as const)
        expect(refusalOf(grace, asked(method, routeClass))).toBeUndefined();
    for (const [method, routeClass] of [
      ['POST', 'read'],
      ['POST', 'validate'],
      ['GET', 'mutate'],
      ['GET', 'admin'],
      ['PROPFIND', 'read'],
    ] as const) {
      expect(refusalOf(grace, asked(method, routeClass))).toBe('licence_read_only');
      expect(refusalOf(byRule, asked(method, routeClass))).toBe('rule_read_only');
    }
    expect(refusalOf({ effect: 'allow', code: 'licence_active' }, asked('POST', 'admin'))).toBeUndefined();
    expect(refusalOf({ effect: 'deny', code: 'not_found' }, asked('GET', 'read'))).toBe('not_found');
  });
});
