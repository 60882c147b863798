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

/**
 * LoadLimit bounds the requests that are under way at once by what the process can do: additive increase, multiplicative decrease (like TCP), with the
 * delay of the event loop as the signal, because a request that only waits for its app costs nothing. Near the limit, tenants with more than their
 * share are refused first.
 */
export class LoadLimit {
  #limit = limitMax;
  #inFlight = 0;
  #lateTicks = 0;
  readonly #byTenant = new Map<string, number>();

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

  /** enter counts a request, or refuses it. */
  enter(tenant: string): boolean {
    if (this.full) return false;
    const own = this.#byTenant.get(tenant) ?? 0;
    if (this.#inFlight >= this.#limit * crowded) {
      const tenants = Math.max(1, this.#byTenant.size + (own === 0 ? 1 : 0));
      if (tenants > 1 && own >= this.#limit / tenants) return false;
    }
    this.#inFlight++;
    this.#byTenant.set(tenant, own + 1);
    return true;
  }

  leave(tenant: string): void {
    this.#inFlight--;
    const own = (this.#byTenant.get(tenant) ?? 1) - 1;
    if (own > 0) this.#byTenant.set(tenant, own);
    else this.#byTenant.delete(tenant);
  }

  /** tick learns how late the event loop was. */
  tick(lateMs: number): void {
    this.#lateTicks = lateMs > lateMsMax ? this.#lateTicks + 1 : 0;
    if (this.#lateTicks >= lateTicksMin)
      this.#limit = Math.max(limitMin, Math.floor(Math.min(this.#limit, this.#inFlight) * backOff));
    else if (this.#lateTicks === 0 && this.#limit < limitMax)
      this.#limit = Math.min(limitMax, this.#limit + Math.max(growth, this.#limit >> 4));
  }
}
