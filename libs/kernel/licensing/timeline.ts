import type { LicenceFacts } from './facts.js';

/** The instants at which a licence changes by itself, in Unix milliseconds; Infinity: never. `expiresAtMs <= fullUntilMs <= endsAtMs`. */
export interface Timeline {
  readonly startsAtMs: number;
  readonly expiresAtMs: number;
  /** End of grace in full: from here on reading only. */
  readonly fullUntilMs: number;
  /** End of grace: from here on nothing. */
  readonly endsAtMs: number;
}

/** expiryOf is when a licence expires: the earlier of its fixed date and, once used, its time from first use. Infinity: never. */
export function expiryOf({ expiresAtMs = Infinity, firstUse }: Pick<LicenceFacts, 'expiresAtMs' | 'firstUse'>): number {
  if (firstUse?.usedAtMs === undefined) return expiresAtMs;
  return Math.min(expiresAtMs, firstUse.usedAtMs + firstUse.seconds * 1000);
}

/** nextStandingMs is the first instant after now at which the licence stands otherwise; Infinity: never. */
export function nextStandingMs(timeline: Timeline, nowMs: number): number {
  let nextMs = Infinity;
  for (const atMs of [timeline.startsAtMs, timeline.expiresAtMs, timeline.fullUntilMs, timeline.endsAtMs])
    if (atMs > nowMs && atMs < nextMs) nextMs = atMs;
  return nextMs;
}

/** timelineOf lays the grace steps behind the expiry. No step gives more than the one before: a full step behind a read-only one counts as read-only. */
export function timelineOf(facts: LicenceFacts): Timeline {
  const expiresAtMs = expiryOf(facts);
  let fullUntilMs = expiresAtMs;
  let endsAtMs = expiresAtMs;
  for (const { mode, seconds } of facts.grace) {
    if (mode === 'full' && fullUntilMs === endsAtMs) fullUntilMs += seconds * 1000;
    endsAtMs += seconds * 1000;
  }
  return { startsAtMs: facts.startsAtMs, expiresAtMs, fullUntilMs, endsAtMs };
}
