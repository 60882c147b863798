import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SeatHolder, seatFor } from './seats.js';

const time = fc.integer({ min: 0, max: 100 });
const holders = fc.uniqueArray(
  fc.record<SeatHolder>({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    untilMs: fc.option(time, { nil: undefined }),
  }),
  { selector: ({ id }) => id },
);
const max = fc.option(fc.nat(6), { nil: undefined });
const id = fc.constantFrom('a', 'b', 'z');

describe('seatFor', () => {
  it('never gives a new seat beyond the number, and always while one is left', () => {
    fc.assert(
      fc.property(holders, id, max, time, (all, who, most, now) => {
        const seated = all.filter(({ untilMs = Infinity }) => now < untilMs);
        const held = seated.some((holder) => holder.id === who);
        const seat = seatFor(all, who, most, now);
        expect(seat.taken).toBe(seated.length);
        expect(seat.free).toBe(held || most === undefined || seated.length < most);
        if (seat.free) expect(seat.held).toBe(held);
      }),
    );
  });

  it('says when a seat falls free: not a millisecond before, if nobody else comes', () => {
    fc.assert(
      fc.property(holders, max, time, (all, most, now) => {
        const seat = seatFor(all, 'z', most, now);
        if (seat.free) return;
        if (seat.freeAtMs === Infinity) expect(seatFor(all, 'z', most, 1_000).free).toBe(false);
        else {
          expect(seatFor(all, 'z', most, seat.freeAtMs).free).toBe(true);
          expect(seatFor(all, 'z', most, seat.freeAtMs - 1).free).toBe(false);
        }
      }),
    );
  });

  it('frees a seat at its end, and one that is taken for good never', () => {
    const one = [{ id: 'a', untilMs: 10 }];
    expect(seatFor(one, 'z', 1, 9)).toEqual({ free: false, taken: 1, freeAtMs: 10 });
    expect(seatFor(one, 'z', 1, 10)).toEqual({ free: true, held: false, taken: 0 });
    expect(seatFor(one, 'a', 1, 9)).toEqual({ free: true, held: true, taken: 1 });
    expect(seatFor([{ id: 'a' }], 'z', 1, 9)).toEqual({ free: false, taken: 1, freeAtMs: Infinity });
    expect(seatFor(one, 'z', 0, 9)).toEqual({ free: false, taken: 1, freeAtMs: Infinity });
    expect(seatFor([{ id: 'a', untilMs: 30 }, { id: 'b', untilMs: 20 }, { id: 'c' }], 'z', 2, 9)).toEqual({
      free: false,
      taken: 3,
      freeAtMs: 30,
    });
  });

  it('lets who sits stay when the plan shrinks', () => {
    expect(seatFor([{ id: 'a' }, { id: 'b' }], 'b', 1, 0)).toEqual({ free: true, held: true, taken: 2 });
  });
});
