import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { standingOf } from './decide.js';
import type { GraceStep, LicenceFacts } from './facts.js';
import { expiryOf, nextStandingMs, timelineOf } from './timeline.js';

const time = fc.integer({ min: 0, max: 4_000_000_000_000 });
const step = fc.record<GraceStep>({ mode: fc.constantFrom('full', 'read-only'), seconds: fc.nat(100_000_000) });
const factsOf = fc.record<LicenceFacts>({
  state: fc.constantFrom('active', 'active', 'active', 'suspended', 'revoked'),
  startsAtMs: time,
  expiresAtMs: fc.option(time, { nil: undefined }),
  grace: fc.array(step, { maxLength: 4 }),
  trial: fc.boolean(),
  firstUse: fc.option(fc.record({ seconds: fc.nat(100_000_000), usedAtMs: fc.option(time, { nil: undefined }) }), {
    nil: undefined,
  }),
});
const rank = { deny: 0, 'read-only': 1, allow: 2 };
const plain: LicenceFacts = { state: 'active', startsAtMs: 100, expiresAtMs: 1_000, grace: [], trial: false };
const codesAt = (facts: LicenceFacts, times: readonly number[]) => times.map((now) => standingOf(facts, now).code);

describe('standingOf', () => {
  it('never lets in a licence that is not active, whatever its dates', () => {
    fc.assert(
      fc.property(
        factsOf,
        time,
        (facts, now) => facts.state === 'active' || standingOf(facts, now).code === `licence_${facts.state}`,
      ),
    );
  });

  it('is active exactly from the start (inclusive) to expiry (exclusive)', () => {
    fc.assert(
      fc.property(factsOf, time, (facts, now) => {
        const inside = facts.state === 'active' && now >= facts.startsAtMs && now < expiryOf(facts);
        expect(standingOf(facts, now).code === 'licence_active').toBe(inside);
      }),
    );
    expect(codesAt(plain, [99, 100, 999, 1_000])).toEqual([
      'licence_not_started',
      'licence_active',
      'licence_active',
      'licence_expired',
    ]);
  });

  it('gives the same answer until validUntilMs, and another one at it', () => {
    fc.assert(
      fc.property(factsOf, time, fc.double({ min: 0, max: 1, noNaN: true }), (facts, now, part) => {
        const decision = standingOf(facts, now);
        if (decision.validUntilMs === Infinity) return;
        expect(decision.validUntilMs).toBeGreaterThan(now);
        const between = now + Math.floor((decision.validUntilMs - 1 - now) * part);
        expect(standingOf(facts, between)).toEqual(decision);
        expect(standingOf(facts, decision.validUntilMs).code).not.toBe(decision.code);
      }),
    );
  });

  it('never gives more as time goes on, once the licence has started', () => {
    fc.assert(
      fc.property(factsOf, time, time, (facts, a, b) => {
        const [from, to] = [Math.max(Math.min(a, b), facts.startsAtMs), Math.max(a, b, facts.startsAtMs)];
        expect(rank[standingOf(facts, to).effect]).toBeLessThanOrEqual(rank[standingOf(facts, from).effect]);
      }),
    );
  });

  it('steps down from full to reading to nothing', () => {
    const facts: LicenceFacts = {
      ...plain,
      grace: [
        { mode: 'full', seconds: 2 },
        { mode: 'read-only', seconds: 3 },
      ],
    };
    expect(codesAt(facts, [999, 1_000, 2_999, 3_000, 5_999, 6_000])).toEqual([
      'licence_active',
      'licence_grace_full',
      'licence_grace_full',
      'licence_grace',
      'licence_grace',
      'licence_expired',
    ]);
    expect([1_000, 3_000, 6_000].map((now) => standingOf(facts, now))).toEqual([
      { effect: 'allow', code: 'licence_grace_full', ruleId: 'builtin:licence-grace-full', validUntilMs: 3_000 },
      { effect: 'read-only', code: 'licence_grace', ruleId: 'builtin:licence-grace', validUntilMs: 6_000 },
      { effect: 'deny', code: 'licence_expired', ruleId: 'builtin:licence-expired', validUntilMs: Infinity },
    ]);
  });

  it('names revocation before suspension before dates, and the end of a trial by its own code', () => {
    const old: LicenceFacts = { ...plain, startsAtMs: 0, expiresAtMs: 1 };
    expect(standingOf({ ...old, state: 'revoked' }, 5).code).toBe('licence_revoked');
    expect(standingOf({ ...old, state: 'suspended' }, 5).code).toBe('licence_suspended');
    expect(standingOf({ ...old, startsAtMs: 6 }, 5).code).toBe('licence_not_started');
    expect(standingOf(old, 5).code).toBe('licence_expired');
    expect(standingOf({ ...old, trial: true }, 5)).toEqual({
      effect: 'deny',
      code: 'trial_ended',
      ruleId: 'builtin:trial-ended',
      validUntilMs: Infinity,
    });
  });
});

describe('timelineOf', () => {
  it('counts from first use only once there was one, and never past the fixed date', () => {
    const firstUse = (usedAtMs: number | undefined) => ({ seconds: 60, usedAtMs });
    expect(expiryOf({ expiresAtMs: undefined, firstUse: firstUse(undefined) })).toBe(Infinity);
    expect(expiryOf({ expiresAtMs: 5_000, firstUse: firstUse(undefined) })).toBe(5_000);
    expect(expiryOf({ expiresAtMs: undefined, firstUse: firstUse(1_000) })).toBe(61_000);
    expect(expiryOf({ expiresAtMs: 5_000, firstUse: firstUse(1_000) })).toBe(5_000);
    expect(expiryOf({ expiresAtMs: 500_000, firstUse: firstUse(1_000) })).toBe(61_000);
    expect(expiryOf({ expiresAtMs: undefined, firstUse: undefined })).toBe(Infinity);
  });

  it('joins steps of one kind and lets no step give more than the one before', () => {
    const grace = (...steps: [GraceStep['mode'], number][]) =>
      timelineOf({ ...plain, grace: steps.map(([mode, seconds]) => ({ mode, seconds })) });
    const ends = (fullUntilMs: number, endsAtMs: number) => ({
      startsAtMs: 100,
      expiresAtMs: 1_000,
      fullUntilMs,
      endsAtMs,
    });
    expect(grace()).toEqual(ends(1_000, 1_000));
    expect(grace(['full', 1], ['full', 2], ['read-only', 4], ['read-only', 8])).toEqual(ends(4_000, 16_000));
    expect(grace(['read-only', 4], ['full', 1])).toEqual(ends(1_000, 6_000));
    expect(grace(['read-only', 0], ['full', 1])).toEqual(ends(2_000, 2_000));
  });
});

describe('nextStandingMs', () => {
  it('is the next of a licence’s instants, never now', () => {
    const timeline = { startsAtMs: 10, expiresAtMs: 20, fullUntilMs: 30, endsAtMs: 40 };
    const next = [9, 10, 19, 20, 29, 30, 39, 40, 41].map((now) => nextStandingMs(timeline, now));
    expect(next).toEqual([10, 20, 20, 30, 30, 40, 40, Infinity, Infinity]);
    const endless = { ...timeline, expiresAtMs: Infinity, fullUntilMs: Infinity, endsAtMs: Infinity };
    expect([5, 10].map((now) => nextStandingMs(endless, now))).toEqual([10, Infinity]);
    // A licence that starts after its end changes by its start last.
    expect(nextStandingMs({ ...timeline, startsAtMs: 50 }, 40)).toBe(50);
  });

  it('is when the standing of an active licence may change, and it does not before', () => {
    fc.assert(
      fc.property(factsOf, time, fc.double({ min: 0, max: 1, noNaN: true }), (facts, now, part) => {
        const next = Math.min(nextStandingMs(timelineOf(facts), now), now + 1_000_000_000);
        const later = now + Math.floor((next - 1 - now) * part);
        expect(standingOf(facts, later)).toEqual(standingOf(facts, now));
      }),
    );
  });
});
