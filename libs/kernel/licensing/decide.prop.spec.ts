import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, type LicenceFacts } from './decide.js';

const time = fc.integer({ min: 0, max: 4_000_000_000_000 });
const factsOf = fc.record<LicenceFacts>({
  state: fc.constantFrom('active', 'suspended', 'revoked'),
  startsAtMs: time,
  expiresAtMs: fc.option(time, { nil: undefined }),
  graceSeconds: fc.integer({ min: 0, max: 1_000_000 }),
});

describe('decide', () => {
  it('never lets in a licence that is not active, whatever its dates', () => {
    fc.assert(
      fc.property(factsOf, time, (facts, now) => facts.state === 'active' || decide(facts, now).effect === 'deny'),
    );
  });

  it('allows exactly from the start (inclusive) to expiry (exclusive)', () => {
    fc.assert(
      fc.property(factsOf, time, (facts, now) => {
        const inside = facts.state === 'active' && now >= facts.startsAtMs && now < (facts.expiresAtMs ?? Infinity);
        expect(decide(facts, now).effect === 'allow').toBe(inside);
      }),
    );
    const facts: LicenceFacts = { state: 'active', startsAtMs: 100, expiresAtMs: 200, graceSeconds: 0 };
    expect([99, 100, 199, 200].map((now) => decide(facts, now).effect)).toEqual(['deny', 'allow', 'allow', 'deny']);
  });

  it('gives the same answer until validUntilMs, and another one at it', () => {
    fc.assert(
      fc.property(factsOf, time, fc.double({ min: 0, max: 1, noNaN: true }), (facts, now, part) => {
        const decision = decide(facts, now);
        if (decision.validUntilMs === Infinity) return;
        const between = now + Math.floor((decision.validUntilMs - 1 - now) * part);
        expect(decide(facts, between)).toEqual(decision);
        expect(decide(facts, decision.validUntilMs).code).not.toBe(decision.code);
      }),
    );
  });

  it('is read-only in the grace period and denies after it', () => {
    const facts: LicenceFacts = { state: 'active', startsAtMs: 0, expiresAtMs: 1_000, graceSeconds: 2 };
    expect(decide(facts, 1_000)).toMatchObject({ effect: 'read-only', code: 'licence_grace' });
    expect(decide(facts, 2_999).effect).toBe('read-only');
    expect(decide(facts, 3_000)).toMatchObject({ effect: 'deny', code: 'licence_expired' });
  });

  it('names revocation before suspension before dates', () => {
    const old = { startsAtMs: 0, expiresAtMs: 1, graceSeconds: 0 };
    expect(decide({ ...old, state: 'revoked' }, 5).code).toBe('licence_revoked');
    expect(decide({ ...old, state: 'suspended' }, 5).code).toBe('licence_suspended');
    expect(decide({ ...old, state: 'active' }, 5).code).toBe('licence_expired');
  });
});
