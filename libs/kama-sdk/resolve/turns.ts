import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';

export interface TurnLimits {
  /** How long one evaluation may hold the thread before others get their turn. Milliseconds. */
  readonly sliceMs: number;
  /** Processor time that a tenant may use at once, after a rest. Milliseconds. */
  readonly burstMs: number;
  /** Part of one processor that a tenant may use for long. */
  readonly part: number;
}

export const defaultTurns: TurnLimits = { sliceMs: 5, burstMs: 4_000, part: 0.25 };

/** Share is one evaluation's part in a thread that it shares with those of other tenants. */
export interface Share {
  /** worked notes processor time; true when it is somebody else's turn. */
  worked(ms: number): boolean;
  /** pause waits for the next turn. @throws Fault install_busy when the tenant has used up its processor time */
  pause(): Promise<void>;
}

interface Account {
  /** Milliseconds that may be used; below zero when the last piece of work took more than there was. */
  left: number;
  atMs: number;
}

const accountsMax = 20_000;

/**
 * Turns lets evaluations of many tenants share a thread: one works for a slice, then whoever waits longest, tenant by tenant, so that a tenant with a hundred
 * requests gets no more turns than one with a single one. What each tenant uses is counted; it may use much at once, and a fixed part for long.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #limits: TurnLimits;
  readonly #accounts = new Map<string, Account>();
  readonly #waiting = new Map<string, (() => void)[]>();
  #scheduled = false;

  constructor(clock: Clock, limits: Partial<TurnLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...defaultTurns, ...limits };
  }

  /** share begins an evaluation. @throws Fault install_busy */
  share(tenant: string): Share {
    this.#mustHave(tenant);
    let heldMs = 0;
    return {
      worked: (ms) => {
        heldMs += ms;
        this.charge(tenant, ms);
        return heldMs >= this.#limits.sliceMs;
      },
      pause: async () => {
        heldMs = 0;
        await this.#turn(tenant);
        this.#mustHave(tenant);
      },
    };
  }

  /** charge notes processor time that a tenant used anywhere: templates run in threads of their own. */
  charge(tenant: string, ms: number): void {
    this.#account(tenant).left -= ms;
  }

  #mustHave(tenant: string): void {
    const { left } = this.#account(tenant);
    if (left > 0) return;
    throw new Fault('install_busy', { retryAfterSeconds: Math.max(1, Math.ceil(-left / this.#limits.part / 1000)) });
  }

  #account(tenant: string): Account {
    const nowMs = this.#clock.monotonicMs();
    const { burstMs, part } = this.#limits;
    const known = this.#accounts.get(tenant);
    if (known) {
      known.left = Math.min(burstMs, known.left + (nowMs - known.atMs) * part);
      known.atMs = nowMs;
      return known;
    }
    if (this.#accounts.size >= accountsMax) this.#forgetRested(nowMs);
    const fresh = { left: burstMs, atMs: nowMs };
    this.#accounts.set(tenant, fresh);
    return fresh;
  }

  /** An account that is full again says nothing. */
  #forgetRested(nowMs: number): void {
    const { burstMs, part } = this.#limits;
    for (const [tenant, { left, atMs }] of this.#accounts)
      if (left + (nowMs - atMs) * part >= burstMs) this.#accounts.delete(tenant);
  }

  #turn(tenant: string): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(tenant);
      if (queue) queue.push(resolve);
      else this.#waiting.set(tenant, [resolve]);
      this.#schedule();
    });
  }

  /** One evaluation per round of the event loop: what came in meanwhile, be it a request or an answer of a cluster, is heard in between. */
  #schedule(): void {
    if (this.#scheduled || this.#waiting.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const [next] = this.#waiting;
      if (!next) return;
      const [tenant, queue] = next;
      this.#waiting.delete(tenant);
      const resume = queue.shift();
      // To the end of the row: the others are first.
      if (queue.length > 0) this.#waiting.set(tenant, queue);
      resume?.();
      this.#schedule();
    });
  }
}
