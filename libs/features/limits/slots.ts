/** Gate bounds what happens at the same time. */
export interface Gate {
  readonly limit: number;
  readonly inUse: number;
  /** free tells whether one more may begin; it takes nothing. */
  free(): boolean;
  take(): void;
  release(): void;
}

/** What a gateway tells the shared account about its slots, and asks of it. */
export interface SlotsAsk {
  readonly limit: number;
  /** In use now, granted or not; it is booked whatever others hold. */
  readonly inUse: number;
  /** Wished for on top. */
  readonly want: number;
}

export interface SlotsReply {
  /** Booked for this gateway now: at least what is in use. */
  readonly held: number;
  /** Booked for the others. */
  readonly others: number;
}

export interface SlotShares {
  readonly reachable: boolean;
  readonly gateways: number;
  queue(slots: SharedSlots): void;
}

/** Slots is the gate of one process. */
export class Slots implements Gate {
  limit: number;
  inUse = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  free(): boolean {
    return this.inUse < this.limit;
  }

  take(): void {
    this.inUse++;
  }

  release(): void {
    this.inUse--;
  }
}

/** BothGates lets one begin when both have room. */
export class BothGates implements Gate {
  readonly first: Gate;
  readonly second: Gate;

  constructor(first: Gate, second: Gate) {
    this.first = first;
    this.second = second;
  }

  get limit(): number {
    return Math.min(this.first.limit, this.second.limit);
  }

  get inUse(): number {
    return Math.max(this.first.inUse, this.second.inUse);
  }

  free(): boolean {
    return this.first.free() && this.second.free();
  }

  take(): void {
    this.first.take();
    this.second.take();
  }

  release(): void {
    this.first.release();
    this.second.release();
  }
}

/** What one gateway may begin beyond what it has booked, while the account has last given all that was asked. */
export const slotsSliceOf = (limit: number): number => Math.max(1, Math.floor(limit / 10));

/**
 * SharedSlots is one gateway's end of a gate that several gateways share: slots are booked ahead in slices, and given back when idle (`renew`, every
 * two seconds). So n gateways
 * together never have more than `limit + n × slice` in use. A gateway that dies loses its bookings when they lapse. While the account is away, each
 * gateway allows its n-th part alone, rounded up.
 */
export class SharedSlots implements Gate {
  readonly key: string;
  readonly #shares: SlotShares;
  limit: number;
  inUse = 0;
  #held = 0;
  #others = 0;
  #gaveAll = true;
  #asking = false;

  constructor(key: string, limit: number, shares: SlotShares) {
    this.key = key;
    this.limit = limit;
    this.#shares = shares;
  }

  /** Bookings have to be renewed while there are any. */
  get held(): number {
    return this.#held;
  }

  free(): boolean {
    if (!this.#shares.reachable) return this.inUse < Math.ceil(this.limit / this.#shares.gateways);
    if (this.inUse < Math.min(this.#held, this.limit)) return true;
    const most = Math.min(this.#held + slotsSliceOf(this.limit), this.limit - this.#others);
    const allowed = this.#gaveAll && this.inUse < most;
    if (!allowed) this.renew();
    return allowed;
  }

  take(): void {
    this.inUse++;
    if (this.#held - this.inUse < slotsSliceOf(this.limit) / 2) this.renew();
  }

  release(): void {
    this.inUse--;
    if (this.#holdsTooMany) this.renew();
  }

  get #holdsTooMany(): boolean {
    return this.#held - this.inUse > 2 * slotsSliceOf(this.limit);
  }

  /** renew has the account told how many are in use. */
  renew(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#shares.queue(this);
  }

  /** ask is what to send now; `answered` must follow. Who uses none wants none. */
  ask(): SlotsAsk {
    return { limit: this.limit, inUse: this.inUse, want: this.inUse > 0 ? slotsSliceOf(this.limit) : 0 };
  }

  /** @param asked what the reply is for; undefined reply: the account could not be reached */
  answered(asked: SlotsAsk, reply: SlotsReply | undefined): void {
    this.#asking = false;
    if (!reply) return;
    this.#held = reply.held;
    this.#others = reply.others;
    this.#gaveAll = reply.held >= asked.inUse + asked.want;
    if (this.#holdsTooMany) this.renew();
  }
}
