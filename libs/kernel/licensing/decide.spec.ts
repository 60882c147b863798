import { describe, expect, it } from 'vitest';
import { loadRules } from './compile-rules.js';
import { decide } from './decide.js';
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

  it('denies when a rule fails', () => {
    expect(decide(rules('plan.entitlements.seats > 3'), input, 5)).toMatchObject({ code: 'rule_failed', ruleId: 'r0' });
    expect(decide(rules('plan.'), input, 5)).toMatchObject({ code: 'rule_failed', ruleId: 'r0' });
  });
});
