import type { Clock } from '@nm/kernel/time';
import { LRUCache } from 'lru-cache';
import { Bucket, type BucketSpec, type Meter, partOf } from './bucket.js';
import { policyField } from './rate-limit-fields.js';
import { SharedBucket, type Shares } from './shared-bucket.js';
import { BothGates, type Gate, SharedSlots, type SlotShares, Slots } from './slots.js';

/** Whose budget it is: a licence's, or what all licences of an app, or all apps of an organisation, have together. */
export type LimitScope = 'licence' | 'app' | 'org';

/** UsageLimits as the directory has them; an absent one bounds nothing. */
export interface LimitSpec {
  readonly requestsPerSecond?: number | undefined;
  readonly burst?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly connectionsMax?: number | undefined;
  readonly bytesPerDay?: number | undefined;
  readonly wakesPerHour?: number | undefined;
}

/** Account is all budgets of one licence, app or organisation, at this gateway. */
export interface Account {
  readonly scope: LimitScope;
  readonly spec: LimitSpec;
  readonly requests: Meter | undefined;
  readonly bytes: Meter | undefined;
  readonly wakes: Meter | undefined;
  /** Requests under way, until they are answered or turn out to last. */
  readonly open: Gate | undefined;
  /** Everything that is open: requests, those that wait for a start, streams, tunnels. */
  readonly connections: Gate | undefined;
  /** `RateLimit-Policy` item of the request budget. */
  readonly policy: string;
}

/** RateAccount has a budget of requests. */
export type RateAccount = Account & { readonly requests: Meter };

export interface LimitBookOptions {
  readonly clock: Clock;
  /** Set: budgets are shared with other gateways; else this process enforces them alone. */
  readonly shares?: (Shares & SlotShares) | undefined;
  /** Without shares: so many processes have the same book, and each enforces its part. */
  readonly processes?: number;
  /** What one organisation may have open in this process, whatever its limits say. */
  readonly orgConnectionsMax?: number | undefined;
  readonly max?: number;
}

const accountsMax = 150_000;
const daySeconds = 86_400;
const hourSeconds = 3_600;

/** LimitBook keeps the accounts that were used lately. Who has no limits has no account. */
export class LimitBook {
  readonly #clock: Clock;
  readonly #shares: (Shares & SlotShares) | undefined;
  readonly #accounts: LRUCache<string, Account>;
  readonly #processes: number;
  readonly #orgConnectionsMax: number | undefined;

  constructor({ clock, shares, processes = 1, orgConnectionsMax, max = accountsMax }: LimitBookOptions) {
    this.#clock = clock;
    this.#processes = processes;
    this.#orgConnectionsMax = orgConnectionsMax;
    this.#shares = shares;
    this.#accounts = new LRUCache({ max });
  }

  /** account finds or opens one; limits that changed hold from now on, and what was used stays used. @param spec compared by identity first */
  account(scope: LimitScope, id: string, spec: LimitSpec): Account | undefined {
    const known = this.#accounts.get(id);
    if (known !== undefined && known.spec === spec) return known;
    if (!bounds(spec) && (scope !== 'org' || this.#orgConnectionsMax === undefined)) {
      this.#accounts.delete(id);
      return undefined;
    }
    const account = this.#open(scope, id, spec, known);
    this.#accounts.set(id, account);
    return account;
  }

  /** accounts that are kept, for metrics and renewals. */
  get size(): number {
    return this.#accounts.size;
  }

  /** Requests that are booked now, once for each account. */
  get slotsInUse(): number {
    let sum = 0;
    for (const { open } of this.#accounts.values()) sum += open?.inUse ?? 0;
    return sum;
  }

  /** renew tells the shared account of every slot that is booked, before the bookings lapse. */
  renew(): void {
    for (const { open, connections } of this.#accounts.values())
      for (const gate of [open, connections instanceof BothGates ? connections.first : connections])
        if (gate instanceof SharedSlots && gate.held > 0) gate.renew();
  }

  #open(scope: LimitScope, id: string, spec: LimitSpec, known: Account | undefined): Account {
    const { requestsPerSecond, bytesPerDay, wakesPerHour } = spec;
    const rate = requestsPerSecond && {
      perSecond: requestsPerSecond,
      burst: spec.burst || Math.ceil(requestsPerSecond),
    };
    const requests = rate
      ? this.#meter(`${id}/requests`, { ...rate, burst: Math.max(1, rate.burst) }, known?.requests)
      : undefined;
    return {
      scope,
      spec,
      requests,
      bytes: this.#meter(`${id}/bytes`, budget(bytesPerDay, daySeconds), known?.bytes),
      wakes: this.#meter(`${id}/wakes`, budget(wakesPerHour, hourSeconds), known?.wakes),
      open: this.#gate(`${id}/open`, spec.concurrency, known?.open),
      connections: this.#connections(scope, id, spec, known?.connections),
      policy: requests ? policyField(scope, requests.spec) : '',
    };
  }

  #connections(scope: LimitScope, id: string, spec: LimitSpec, known: Gate | undefined): Gate | undefined {
    const [first, second] = known instanceof BothGates ? [known.first, known.second] : [known, known];
    const own = this.#gate(`${id}/connections`, spec.connectionsMax, first);
    if (scope !== 'org' || this.#orgConnectionsMax === undefined) return own;
    const here = second instanceof Slots && second !== own ? second : new Slots(this.#orgConnectionsMax);
    return own ? new BothGates(own, here) : here;
  }

  #meter(key: string, spec: BucketSpec | undefined, known: Meter | undefined): Meter | undefined {
    if (!spec) return undefined;
    const nowMs = this.#clock.monotonicMs();
    const part = this.#shares ? spec : partOf(spec, this.#processes);
    if (known instanceof Bucket || known instanceof SharedBucket) {
      known.reshape(part, nowMs);
      return known;
    }
    return this.#shares ? new SharedBucket(key, spec, this.#shares, nowMs) : new Bucket(part, nowMs);
  }

  #gate(key: string, limit: number | undefined, known: Gate | undefined): Gate | undefined {
    if (limit === undefined) return undefined;
    const part = this.#shares ? limit : Math.ceil(limit / this.#processes);
    if (known instanceof Slots || known instanceof SharedSlots) {
      known.limit = part;
      return known;
    }
    return this.#shares ? new SharedSlots(key, limit, this.#shares) : new Slots(part);
  }
}

const bounds = (spec: LimitSpec): boolean =>
  spec.requestsPerSecond !== undefined ||
  spec.bytesPerDay !== undefined ||
  spec.wakesPerHour !== undefined ||
  spec.concurrency !== undefined ||
  spec.connectionsMax !== undefined;

/** A budget of a period is a bucket that fills evenly over it. Nothing at all is one that never fills. */
const budget = (amount: number | undefined, seconds: number): BucketSpec | undefined =>
  amount === undefined ? undefined : { perSecond: amount / seconds, burst: amount };
