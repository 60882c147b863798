/** Somebody or something that takes a seat of a licence: an install, a user, a session. */
export interface SeatHolder {
  readonly id: string;
  /** A session's seat is free again from this instant on, unless a heartbeat moves it; absent: until removed. */
  readonly untilMs?: number | undefined;
}

/** Whether there is a seat. */
export type Seat =
  /** It has one already, or one is free for it. */
  | { readonly free: true; readonly held: boolean; readonly taken: number }
  /** All are taken; `freeAtMs` is when the next one falls free by itself, Infinity: never. */
  | { readonly free: false; readonly taken: number; readonly freeAtMs: number };

const isSeated = ({ untilMs = Infinity }: SeatHolder, nowMs: number): boolean => nowMs < untilMs;

/**
 * seatFor is the one rule for seats: who has one keeps it, also when there are too many since the plan shrank; who has none gets one while fewer
 * than `max` are taken.
 * @param max absent: seats of this kind aren't counted
 */
export function seatFor(holders: readonly SeatHolder[], id: string, max: number | undefined, nowMs: number): Seat {
  const seated = holders.filter((holder) => isSeated(holder, nowMs));
  const taken = seated.length;
  if (seated.some((holder) => holder.id === id)) return { free: true, held: true, taken };
  if (max === undefined || taken < max) return { free: true, held: false, taken };
  const ends = seated.map(({ untilMs = Infinity }) => untilMs).sort((a, b) => a - b);
  return { free: false, taken, freeAtMs: ends[taken - max] ?? Infinity };
}
