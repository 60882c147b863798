import { Bucket, type BucketSpec, type Meter, partOf } from './bucket.js';

/** What a gateway tells the shared account about one budget, and asks of it. */
export interface BucketAsk {
  readonly spec: BucketSpec;
  /** Used already without having been granted; it is booked whatever the level. */
  readonly debt: number;
  /** Wished for on top, to have in hand. */
  readonly want: number;
}

export interface BucketReply {
  readonly granted: number;
  /** Level of the shared account afterwards; below zero when gateways had overdrawn it. */
  readonly level: number;
}

/** Carries asks to the shared account. Nobody waits for it on the way of a request. */
export interface Shares {
  /** False while the shared account cannot be reached. */
  readonly reachable: boolean;
  /** Gateways that share the account, at least 1. */
  readonly gateways: number;
  /** queue has the bucket asked for its `ask` soon, once. */
  queue(bucket: SharedBucket): void;
}

/**
 * A slice is what one gateway has in hand, or may overdraw, at most: a tenth of a second's worth within a quarter of the burst, or a 64th of the
 * burst when that is more (budgets of a day), and at least one unit.
 */
export const sliceOf = ({ perSecond, burst }: BucketSpec): number =>
  Math.max(1, Math.floor(Math.max(Math.min(perSecond / 10, burst / 4), burst / 64)));

/**
 * SharedBucket is one gateway's end of a budget that several gateways share. It has a little in hand, and while the account seems to hold enough it
 * may overdraw by one slice until the account has answered. So n gateways together never allow more than `burst + perSecond × t + n × slice`, and
 * what idle gateways have in hand withholds at most n × slice. While the account is away, each gateway enforces its n-th part alone.
 */
export class SharedBucket implements Meter {
  readonly key: string;
  readonly #shares: Shares;
  readonly #alone: Bucket;
  #spec: BucketSpec;
  #parts: number;
  /** In hand; below zero it is a debt that the account does not know of yet. */
  #credit = 0;
  /** The account's level when it last answered, and when that was. Unknown counts as full. */
  #level: number;
  #levelAtMs: number;
  #asked = 0;
  #asking = false;

  constructor(key: string, spec: BucketSpec, shares: Shares, nowMs: number) {
    this.key = key;
    this.#shares = shares;
    this.#spec = spec;
    this.#parts = shares.gateways;
    this.#alone = new Bucket(partOf(spec, this.#parts), nowMs);
    this.#level = spec.burst;
    this.#levelAtMs = nowMs;
  }

  get spec(): BucketSpec {
    return this.#spec;
  }

  reshape(spec: BucketSpec, nowMs: number): void {
    this.#spec = spec;
    this.#parts = this.#shares.gateways;
    this.#alone.reshape(partOf(spec, this.#parts), nowMs);
  }

  has(cost: number, nowMs: number): boolean {
    if (!this.#shares.reachable) return this.#part(nowMs).has(cost, nowMs);
    if (this.#credit >= cost) return true;
    const owing = cost - this.#credit;
    const allowed = owing <= sliceOf(this.#spec) && this.#estimate(nowMs) >= owing;
    if (!allowed) this.#ask();
    return allowed;
  }

  spend(cost: number, nowMs: number): void {
    if (!this.#shares.reachable) {
      this.#part(nowMs).spend(cost, nowMs);
      return;
    }
    this.#credit -= cost;
    // Kept warm, so that an outage of the account gives nobody a second burst.
    this.#alone.spend(Math.min(cost, this.#alone.left(nowMs)), nowMs);
    if (this.#credit < sliceOf(this.#spec) / 2) this.#ask();
  }

  left(nowMs: number): number {
    if (!this.#shares.reachable) return this.#part(nowMs).left(nowMs);
    return Math.min(this.#spec.burst, Math.max(0, Math.floor(this.#credit + Math.max(0, this.#estimate(nowMs)))));
  }

  waitMs(cost: number, nowMs: number): number {
    if (!this.#shares.reachable) return this.#part(nowMs).waitMs(cost, nowMs);
    if (cost > this.#spec.burst) return Infinity;
    const missing = cost - this.#credit - this.#estimate(nowMs);
    return missing <= 0 ? 0 : (missing / this.#spec.perSecond) * 1000;
  }

  /** ask is what to send now; `answered` must follow. */
  ask(): BucketAsk {
    const debt = Math.max(0, -this.#credit);
    this.#asked = debt;
    return { spec: this.#spec, debt, want: Math.max(0, sliceOf(this.#spec) - Math.max(0, this.#credit)) };
  }

  /** answered takes the account's reply; undefined: it could not be reached, and the debt stays to be told. */
  answered(reply: BucketReply | undefined, nowMs: number): void {
    this.#asking = false;
    if (!reply) return;
    this.#credit += this.#asked + reply.granted;
    this.#level = reply.level;
    this.#levelAtMs = nowMs;
    if (this.#credit < 0) this.#ask();
  }

  /** This gateway's part, as large as the number of gateways makes it. */
  #part(nowMs: number): Bucket {
    if (this.#parts !== this.#shares.gateways) this.reshape(this.#spec, nowMs);
    return this.#alone;
  }

  #ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#shares.queue(this);
  }

  #estimate(nowMs: number): number {
    const grown = this.#level + (Math.max(0, nowMs - this.#levelAtMs) / 1000) * this.#spec.perSecond;
    return Math.min(this.#spec.burst, grown);
  }
}
