import { describe, expect, it } from 'vitest';
import { fuzz } from './fuzz-licensing.js';

describe('decide and decidePrepared', () => {
  it('come to the decisions of the oracle in 50,000 cases', { timeout: 600_000 }, () => {
    const { decisions, codes, routeClasses, mismatches } = fuzz(20_000_000, 50_000);
    expect(mismatches).toEqual([]);
    expect(decisions).toBeGreaterThanOrEqual(50_000);
    for (const code of [
      'licence_revoked licence_suspended licence_not_started trial_ended licence_expired licence_grace licence_grace_full licence_active',
      'rule_allowed rule_read_only rule_denied payment_required access_paused not_found rule_failed',
    ].flatMap((line) => line.split(' ')))
      expect(codes.get(code), code).toBeGreaterThan(100);
    for (const routeClass of ['read', 'validate', 'mutate', 'admin'])
      expect(routeClasses.get(routeClass), routeClass).toBeGreaterThan(1_000);
  });
});
