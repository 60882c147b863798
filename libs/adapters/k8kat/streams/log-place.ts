import type { LogLine } from './pod-logs.js';

const overlapMs = 1_000;
const keysMax = 20_000;

/**
 * LogPlace remembers how far a log was read, so that it can be opened again without a line lost or said twice. stdout and stderr are
 * stamped apart and may come slightly out of order, so the log is asked for from a second earlier and known lines are left out.
 */
export class LogPlace {
  #newestMs = Number.NEGATIVE_INFINITY;
  readonly #known = new Map<string, number>();
  #resumed = false;

  /** RFC 3339; undefined before the first line. */
  get since(): string | undefined {
    return this.#known.size === 0 ? undefined : new Date(this.#newestMs - overlapMs).toISOString();
  }

  /** resume says that what comes next may repeat what was there. */
  resume(): void {
    this.#resumed = this.#known.size > 0;
  }

  /** take notes a line; false when it was there before. */
  take(line: LogLine): boolean {
    const key = `${line.time} ${line.text}`;
    const ms = Date.parse(line.time);
    if (this.#resumed && (this.#known.has(key) || ms < this.#newestMs - overlapMs)) return false;
    this.#known.set(key, ms);
    this.#newestMs = Math.max(this.#newestMs, ms);
    if (this.#known.size > keysMax) this.#forget();
    return true;
  }

  #forget(): void {
    for (const [key, ms] of this.#known) if (ms < this.#newestMs - 2 * overlapMs) this.#known.delete(key);
    // A burst: the oldest half goes, in the order that it came.
    if (this.#known.size > keysMax)
      for (const key of [...this.#known.keys()].slice(0, keysMax / 2)) this.#known.delete(key);
  }
}
