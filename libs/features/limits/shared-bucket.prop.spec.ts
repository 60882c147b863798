import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BucketAsk, type BucketReply, SharedBucket, type Shares, sliceOf } from './shared-bucket.js';

/** The account of `redis-scripts.ts` in a few lines, with replies that take their time or get lost. */
class Account {
  level: number;
  atMs = 0;
  constructor(
    readonly burst: number,
    readonly perSecond: number,
  ) {
    this.level = burst;
  }
  take({ debt, want }: BucketAsk, nowMs: number): BucketReply {
    this.level = Math.min(this.burst, this.level + ((nowMs - this.atMs) / 1000) * this.perSecond) - debt;
    this.atMs = nowMs;
    const granted = Math.max(0, Math.min(want, this.level));
    this.level -= granted;
    return { granted, level: this.level };
  }
}

interface Message {
  readonly dueMs: number;
  readonly run: () => void;
}

function world(count: number, spec: { perSecond: number; burst: number }, delayMs: () => number) {
  const account = new Account(spec.burst, spec.perSecond);
  const state = { now: 0, reachable: true };
  let messages: Message[] = [];
  const shares: Shares = {
    get reachable() {
      return state.reachable;
    },
    gateways: count,
    queue: (bucket) => {
      const there = state.now + delayMs();
      messages.push({
        dueMs: there,
        run: () => {
          const asked = bucket.ask();
          const reply = state.reachable ? account.take(asked, state.now) : undefined;
          messages.push({ dueMs: state.now + delayMs(), run: () => bucket.answered(reply, state.now) });
        },
      });
    },
  };
  const gateways = Array.from({ length: count }, (_, i) => new SharedBucket(`g${i}`, spec, shares, 0));
  const advance = (toMs: number): void => {
    for (;;) {
      const next = messages.filter(({ dueMs }) => dueMs <= toMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (!next) break;
      messages = messages.filter((message) => message !== next);
      state.now = Math.max(state.now, next.dueMs);
      next.run();
    }
    state.now = toMs;
  };
  return { gateways, advance, state };
}

const specs = fc.record({
  perSecond: fc.double({ min: 0.5, max: 500, noNaN: true }),
  burst: fc.integer({ min: 1, max: 200 }),
});

describe('SharedBucket', () => {
  it('lets n gateways together allow no more than burst + rate × t + n slices, however late the account answers', () => {
    fc.assert(
      fc.property(
        specs,
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.tuple(fc.nat(40), fc.nat(4), fc.nat(30)), { minLength: 20, maxLength: 400 }),
        (spec, count, calls) => {
          let turn = 0;
          const { gateways, advance } = world(count, spec, () => 1 + (calls[turn++ % calls.length]![2] ?? 0));
          let now = 0;
          let allowed = 0;
          for (const [gap, which] of calls) {
            now += gap;
            advance(now);
            const gateway = gateways[which % count]!;
            if (!gateway.has(1, now)) continue;
            gateway.spend(1, now);
            allowed++;
            const bound = spec.burst + (now / 1000) * spec.perSecond + count * sliceOf(spec);
            expect(allowed).toBeLessThanOrEqual(bound + 1e-6);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('refuses nobody who keeps to the rate at one gateway, from the first request on', () => {
    fc.assert(
      fc.property(specs, fc.array(fc.nat(30), { minLength: 5, maxLength: 100 }), (spec, delays) => {
        let turn = 0;
        const { gateways, advance } = world(3, spec, () => 1 + delays[turn++ % delays.length]!);
        let now = 0;
        for (const extra of delays) {
          // The account's answers are up to 60 ms old: whoever leaves that much room is never refused.
          now += 1000 / spec.perSecond + 62 + extra;
          advance(now);
          expect(gateways[0]!.has(1, now)).toBe(true);
          gateways[0]!.spend(1, now);
        }
      }),
    );
  });

  it('comes close to the rate under constant pressure on every gateway', () => {
    const spec = { perSecond: 100, burst: 100 };
    const { gateways, advance } = world(3, spec, () => 5);
    let allowed = 0;
    for (let now = 0; now <= 20_000; now += 2) {
      advance(now);
      for (const gateway of gateways)
        if (gateway.has(1, now)) {
          gateway.spend(1, now);
          allowed++;
        }
    }
    const exact = 100 + 20 * 100;
    expect(allowed).toBeGreaterThan(exact - 3 * sliceOf(spec) - 1);
    expect(allowed).toBeLessThanOrEqual(exact + 3 * sliceOf(spec));
  });

  it('enforces its own part alone while the account is away, without a second burst', () => {
    const spec = { perSecond: 30, burst: 60 };
    const { gateways, advance, state } = world(3, spec, () => 5);
    const press = (fromMs: number, toMs: number): number => {
      let allowed = 0;
      for (let now = fromMs; now < toMs; now += 5) {
        advance(now);
        for (const gateway of gateways)
          if (gateway.has(1, now)) {
            gateway.spend(1, now);
            allowed++;
          }
      }
      return allowed;
    };
    press(0, 5_000);
    state.reachable = false;
    const alone = press(5_000, 15_000);
    expect(alone).toBeGreaterThan(280);
    expect(alone).toBeLessThanOrEqual(300 + 60);
    state.reachable = true;
    const back = press(15_000, 25_000);
    expect(back).toBeLessThanOrEqual(300 + 60 + 3 * sliceOf(spec));
  });
});
