/** Delay of the event loop above which there is too much work under way, when it stands: a pause of the collector or the machine is over by itself. */
const lateMsMax = 40;
const lateTicksMin = 3;
/** So many are done in a few milliseconds: there is never a reason to refuse them. */
const limitMin = 256;
const limitMax = 100_000;
const backOff = 0.8;
const growth = 16;
/** From this part of the limit on, who has more than its share waits. */
const crowded = 0.8;

/** What one tenant has under way. */
export interface Share {
  requests: number;
}

/**
 * LoadLimit bounds the requests that are under way at once by what the process can do: additive increase, multiplicative decrease (like TCP), with the
 * delay of the event loop as the signal, because a request that only waits for its app costs nothing. Near the limit, tenants with more than their
 * share are refused first.
 */
export class LoadLimit {
  #limit = limitMax;
  #inFlight = 0;
  #lateTicks = 0;
  /** Requests of each tenant; who has none left goes with the next tick. */
  readonly #byTenant = new Map<string, Share>();

  get limit(): number {
    return this.#limit;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** True when nobody may enter, whoever it is. */
  get full(): boolean {
    return this.#inFlight >= this.#limit;
  }

  /** enter counts a request, or refuses it. @returns what to give to `leave` */
  enter(tenant: string): Share | undefined {
    if (this.full) return undefined;
    const share = this.#byTenant.get(tenant);
    if (this.#inFlight >= this.#limit * crowded) {
      const own = share?.requests ?? 0;
      const tenants = this.#busyTenants() + (own === 0 ? 1 : 0);
      if (tenants > 1 && own >= this.#limit / tenants) return undefined;
    }
    this.#inFlight++;
    if (share) {
      share.requests++;
      return share;
    }
    const first = { requests: 1 };
    this.#byTenant.set(tenant, first);
    return first;
  }

  leave(share: Share): void {
    this.#inFlight--;
    share.requests--;
  }

  #busyTenants(): number {
    this.#sweep();
    return this.#byTenant.size;
  }

  #sweep(): void {
    for (const [tenant, { requests }] of this.#byTenant) if (requests === 0) this.#byTenant.delete(tenant);
  }

  /** tick learns how late the event loop was. */
  tick(lateMs: number): void {
    this.#sweep();
    this.#lateTicks = lateMs > lateMsMax ? this.#lateTicks + 1 : 0;
    if (this.#lateTicks >= lateTicksMin)
      this.#limit = Math.max(limitMin, Math.floor(Math.min(this.#limit, this.#inFlight) * backOff));
    else if (this.#lateTicks === 0 && this.#limit < limitMax)
      this.#limit = Math.min(limitMax, this.#limit + Math.max(growth, this.#limit >> 4));
  }
}
