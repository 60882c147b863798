/**
 * ConcurrencyLimit lets so many pieces of work run at once and queues the rest, first come first served. When the server says it is too much
 * (`shrink`, on 429), half as many run; each success lets it grow back a little, up to the maximum.
 */
export class ConcurrencyLimit {
  readonly #max: number;
  #allowed: number;
  #running = 0;
  readonly #queue: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
    this.#allowed = max;
  }

  /** allowed is how many may run now. */
  get allowed(): number {
    return Math.max(1, Math.floor(this.#allowed));
  }

  /** run does the work when its turn has come. @throws the signal's reason when it aborts before that */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#turn(signal);
    try {
      return await work();
    } finally {
      this.#running--;
      this.#wake();
    }
  }

  shrink(): void {
    this.#allowed = Math.max(1, this.#allowed / 2);
  }
  grow(): void {
    if (this.#allowed < this.#max) this.#allowed = Math.min(this.#max, this.#allowed + 1 / this.#allowed);
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#running < this.allowed && this.#queue.length === 0) {
      this.#running++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const start = () => {
        signal?.removeEventListener('abort', leave);
        this.#running++;
        resolve();
      };
      const leave = () => {
        this.#queue.splice(this.#queue.indexOf(start), 1);
        reject(signal?.reason as Error);
      };
      this.#queue.push(start);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  #wake(): void {
    while (this.#running < this.allowed) {
      const next = this.#queue.shift();
      if (!next) return;
      next();
    }
  }
}
