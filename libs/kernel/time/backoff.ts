/**
 * backoffMs gives the wait before attempt `attempt` (1-based): exponential, capped, with full jitter downwards to half.
 * @param random a number in [0, 1)
 */
export function backoffMs(attempt: number, baseMs: number, maxMs: number, random: number): number {
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(ceilingMs / 2 + (ceilingMs / 2) * random);
}
