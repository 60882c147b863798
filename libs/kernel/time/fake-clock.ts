import type { Clock } from './clock.js';

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** FakeClock stands still until it is advanced; sleepers wake in the order of their due times. */
export class FakeClock implements Clock {
  #nowMs: number;
  #sleepers: Sleeper[] = [];

  constructor(start: string | number = '2026-01-01T00:00:00Z') {
    this.#nowMs = new Date(start).getTime();
  }

  nowMs(): number {
    return this.#nowMs;
  }

  now(): Date {
    return new Date(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const sleeper: Sleeper = { dueMs: this.#nowMs + delayMs, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal.reason as Error);
      });
    });
  }

  /** advance moves time forward and lets everything that became due run. */
  async advance(byMs: number): Promise<void> {
    const targetMs = this.#nowMs + byMs;
    for (;;) {
      const next = this.#sleepers.filter((s) => s.dueMs <= targetMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (!next) break;
      this.#sleepers = this.#sleepers.filter((s) => s !== next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#nowMs = targetMs;
  }
}
