/** So much, on average, and so much of it at once. */
export interface BucketSpec {
  readonly perSecond: number;
  /** Never below 1: what may be used at once after a rest. */
  readonly burst: number;
}

/** partOf is what one of several enforces alone: the n-th part, and at least one at once where there is any. */
export const partOf = ({ perSecond, burst }: BucketSpec, of: number): BucketSpec => ({
  perSecond: perSecond / of,
  burst: Math.max(Math.min(1, burst), burst / of),
});

/** Meter is one budget that fills by itself: requests, bytes, wakes. `now` is monotonic milliseconds. */
export interface Meter {
  readonly spec: BucketSpec;
  /** has tells whether so much may be used now; it takes nothing. */
  has(cost: number, nowMs: number): boolean;
  /** spend takes it, below zero if need be: what cannot be known before (bytes) is paid afterwards. */
  spend(cost: number, nowMs: number): void;
  /** left is what may be used at once now, whole units, never below 0. */
  left(nowMs: number): number;
  /** waitMs is how long until `cost` may be used, if nobody else uses any. */
  waitMs(cost: number, nowMs: number): number;
}

/** Bucket is the token bucket of one process. It never allows more than `burst + perSecond × t` in any span of t seconds, post-paid debts apart. */
export class Bucket implements Meter {
  #spec: BucketSpec;
  #tokens: number;
  #atMs: number;

  constructor(spec: BucketSpec, nowMs: number) {
    this.#spec = spec;
    this.#tokens = spec.burst;
    this.#atMs = nowMs;
  }

  get spec(): BucketSpec {
    return this.#spec;
  }

  /** reshape takes a new spec over; what was used stays used. */
  reshape(spec: BucketSpec, nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens = Math.min(spec.burst, this.#tokens + (spec.burst - this.#spec.burst));
    this.#spec = spec;
  }

  has(cost: number, nowMs: number): boolean {
    return this.#fill(nowMs) >= cost;
  }

  spend(cost: number, nowMs: number): void {
    this.#tokens = this.#fill(nowMs) - cost;
  }

  left(nowMs: number): number {
    return Math.max(0, Math.floor(this.#fill(nowMs)));
  }

  waitMs(cost: number, nowMs: number): number {
    if (cost > this.#spec.burst) return Infinity;
    const missing = cost - this.#fill(nowMs);
    return missing <= 0 ? 0 : (missing / this.#spec.perSecond) * 1000;
  }

  #fill(nowMs: number): number {
    if (nowMs > this.#atMs) {
      const grown = this.#tokens + ((nowMs - this.#atMs) / 1000) * this.#spec.perSecond;
      this.#tokens = Math.min(this.#spec.burst, grown);
      this.#atMs = nowMs;
    }
    return this.#tokens;
  }
}
