import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SharedSlots, Slots, type SlotsAsk, type SlotsReply, slotsSliceOf } from './slots.js';

/** The account of `redis-scripts.ts`: bookings by gateway. */
function world(count: number, limit: number, delays: readonly number[]) {
  const booked = new Map<string, number>();
  let now = 0;
  let turn = 0;
  let messages: { dueMs: number; run: () => void }[] = [];
  const delay = (): number => 1 + delays[turn++ % delays.length]!;
  const account = (key: string, { inUse, want }: SlotsAsk): SlotsReply => {
    let others = 0;
    for (const [name, held] of booked) if (name !== key) others += held;
    const held = Math.max(inUse, Math.min(inUse + want, limit - others));
    booked.set(key, held);
    return { held, others };
  };
  const shares = {
    reachable: true,
    gateways: count,
    queue: (slots: SharedSlots): void => {
      messages.push({
        dueMs: now + delay(),
        run: () => {
          const asked = slots.ask();
          const reply = shares.reachable ? account(slots.key, asked) : undefined;
          messages.push({ dueMs: now + delay(), run: () => slots.answered(asked, reply) });
        },
      });
    },
  };
  const gateways = Array.from({ length: count }, (_, i) => new SharedSlots(`g${i}`, limit, shares));
  const advance = (toMs: number): void => {
    for (;;) {
      const next = messages.filter(({ dueMs }) => dueMs <= toMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (!next) break;
      messages = messages.filter((message) => message !== next);
      now = Math.max(now, next.dueMs);
      next.run();
    }
    now = toMs;
  };
  return { gateways, advance, shares };
}

describe('SharedSlots', () => {
  it('lets n gateways together have no more than the limit and n slices in use', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.tuple(fc.nat(20), fc.nat(3), fc.integer({ min: 0, max: 9 })), { minLength: 20, maxLength: 400 }),
        (limit, count, steps) => {
          const { gateways, advance } = world(
            count,
            limit,
            steps.map(([gap]) => gap),
          );
          let now = 0;
          for (const [gap, which, kind] of steps) {
            now += gap;
            advance(now);
            const gateway = gateways[which % count]!;
            if (kind < 3) {
              if (gateway.inUse > 0) gateway.release();
            } else if (gateway.free()) gateway.take();
            const inUse = gateways.reduce((sum, { inUse: own }) => sum + own, 0);
            expect(inUse).toBeLessThanOrEqual(limit + count * slotsSliceOf(limit));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives one gateway the whole limit, and gives back what is idle so that another can have it', () => {
    const { gateways, advance } = world(2, 20, [2]);
    const [a, b] = [gateways[0]!, gateways[1]!];
    let now = 0;
    const fill = (slots: SharedSlots): void => {
      for (let i = 0; i < 200; i++) {
        now += 3;
        advance(now);
        if (slots.free()) slots.take();
      }
    };
    fill(a);
    expect(a.inUse).toBeGreaterThanOrEqual(18);
    while (a.inUse > 0) a.release();
    now += 100;
    advance(now);
    a.renew();
    now += 100;
    advance(now);
    fill(b);
    expect(b.inUse).toBeGreaterThanOrEqual(18);
  });

  it('allows its own part while the account is away', () => {
    const { gateways, shares } = world(3, 10, [2]);
    shares.reachable = false;
    const [a] = gateways;
    while (a!.free()) a!.take();
    expect(a!.inUse).toBe(4);
  });
});

describe('Slots', () => {
  it('allows exactly its limit at the same time', () => {
    const slots = new Slots(2);
    slots.take();
    slots.take();
    expect(slots.free()).toBe(false);
    slots.release();
    expect(slots.free()).toBe(true);
  });
});
