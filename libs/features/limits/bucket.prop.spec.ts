import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bucket } from './bucket.js';

const spec = fc.record({
  perSecond: fc.double({ min: 0.1, max: 1_000, noNaN: true }),
  burst: fc.integer({ min: 1, max: 500 }),
});
const gaps = fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 120 });

/** mostIn is the largest excess over burst + rate × t of any span between two allowed moments. */
function mostIn(times: readonly number[], { perSecond, burst }: { perSecond: number; burst: number }): number {
  let worst = Number.NEGATIVE_INFINITY;
  for (let from = 0; from < times.length; from++)
    for (let to = from; to < times.length; to++)
      worst = Math.max(worst, to - from + 1 - burst - ((times[to]! - times[from]!) / 1000) * perSecond);
  return worst;
}

describe('Bucket', () => {
  it('never allows more than its burst and its rate in any span of time', () => {
    fc.assert(
      fc.property(spec, gaps, (limits, steps) => {
        const bucket = new Bucket(limits, 0);
        const allowed: number[] = [];
        let now = 0;
        for (const step of steps) {
          now += step % 7 === 0 ? 0 : step;
          if (!bucket.has(1, now)) continue;
          bucket.spend(1, now);
          allowed.push(now);
        }
        if (allowed.length > 0) expect(mostIn(allowed, limits)).toBeLessThanOrEqual(1e-6);
      }),
    );
  });

  it('refuses nobody who keeps to the rate, and lets in again after the time that it named', () => {
    fc.assert(
      fc.property(spec, gaps, (limits, steps) => {
        const bucket = new Bucket(limits, 0);
        let now = 0;
        for (const step of steps) {
          // A thousandth more, for rounding.
          now += 1001 / limits.perSecond + (step % 50);
          expect(bucket.has(1, now)).toBe(true);
          bucket.spend(1, now);
        }
        while (bucket.has(1, now)) bucket.spend(1, now);
        const wait = bucket.waitMs(1, now);
        expect(bucket.has(1, now + wait * 0.9)).toBe(false);
        expect(bucket.has(1, now + wait + 0.01)).toBe(true);
      }),
    );
  });

  it('keeps what was used when its limits change, and never fills beyond its burst', () => {
    const bucket = new Bucket({ perSecond: 1, burst: 10 }, 0);
    bucket.spend(8, 0);
    bucket.reshape({ perSecond: 1, burst: 20 }, 0);
    expect(bucket.left(0)).toBe(12);
    bucket.reshape({ perSecond: 1, burst: 5 }, 0);
    expect(bucket.left(0)).toBe(0);
    expect(bucket.left(1_000_000)).toBe(5);
  });

  it('lets a budget that is paid afterwards go below zero, and refuses until it is paid off', () => {
    const bucket = new Bucket({ perSecond: 10, burst: 100 }, 0);
    bucket.spend(300, 0);
    expect([bucket.has(1, 0), bucket.left(0), bucket.waitMs(1, 0)]).toEqual([false, 0, 20_100]);
    expect(bucket.has(1, 20_101)).toBe(true);
  });

  it('with nothing to give never gives, and says so', () => {
    const bucket = new Bucket({ perSecond: 0, burst: 0 }, 0);
    expect([bucket.has(1, 1e9), bucket.waitMs(1, 1e9)]).toEqual([false, Infinity]);
  });
});
