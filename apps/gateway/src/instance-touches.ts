import type { Clock } from '@nm/kernel/time';

export interface InstanceTouchesOptions {
  readonly clock: Clock;
  readonly touch: (instanceIds: readonly string[]) => Promise<void>;
  /** Instances with an open request or stream; they are in use however long it lasts. */
  readonly inUse: () => Iterable<{ readonly instanceId: string | undefined; readonly idleSeconds: number }>;
}

interface Use {
  readonly idleMs: number;
  sentMs: number;
  pending: boolean;
}

/** InstanceTouches tells the store which instances are used, in batches, and each at most every third of its idle time. */
export class InstanceTouches {
  readonly #options: InstanceTouchesOptions;
  readonly #uses = new Map<string, Use>();

  constructor(options: InstanceTouchesOptions) {
    this.#options = options;
  }

  used(instanceId: string, idleSeconds: number): void {
    const use = this.#uses.get(instanceId);
    if (use) use.pending = true;
    else this.#uses.set(instanceId, { idleMs: idleSeconds * 1000, sentMs: Number.NEGATIVE_INFINITY, pending: true });
  }

  /** flush sends what is due; call it every second. @throws Fault store_unavailable, and sends again next time */
  async flush(): Promise<void> {
    const { clock, touch, inUse } = this.#options;
    for (const { instanceId, idleSeconds } of inUse()) if (instanceId !== undefined) this.used(instanceId, idleSeconds);
    const nowMs = clock.monotonicMs();
    const due: string[] = [];
    for (const [id, use] of this.#uses) {
      const ageMs = nowMs - use.sentMs;
      if (use.pending && ageMs >= use.idleMs / 3) due.push(id);
      else if (!use.pending && ageMs > use.idleMs) this.#uses.delete(id);
    }
    if (due.length === 0) return;
    await touch(due);
    for (const id of due) {
      const use = this.#uses.get(id);
      if (use) Object.assign(use, { sentMs: nowMs, pending: false });
    }
  }
}
