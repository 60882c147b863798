/** Funnel joins what several producers say into one sequence; producers wait while the reader is behind. */
export class Funnel<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  readonly #itemsMax: number;
  #wakeReader: (() => void) | undefined;
  #wakeWriters: (() => void)[] = [];
  #over = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(itemsMax = 1_000) {
    this.#itemsMax = itemsMax;
  }

  /** put waits until there is room; false once the funnel is closed. */
  async put(item: T): Promise<boolean> {
    while (this.#items.length >= this.#itemsMax && !this.#over)
      await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
    if (this.#over) return false;
    this.#items.push(item);
    this.#wakeReader?.();
    return true;
  }

  /** end lets the reader finish what is there. */
  end(): void {
    this.#over = true;
    this.#wake();
  }

  /** fail makes the reader throw once it has read what is there. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        const batch = this.#items.splice(0);
        if (batch.length > 0) {
          this.#wakeAll();
          yield* batch;
        } else if (this.#failure) throw this.#failure.error;
        else if (this.#over) return;
        else
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
      }
    } finally {
      this.#items.length = 0;
      this.end();
    }
  }

  #wake(): void {
    this.#wakeReader?.();
    this.#wakeAll();
  }

  #wakeAll(): void {
    const writers = this.#wakeWriters;
    this.#wakeWriters = [];
    for (const wake of writers) wake();
  }
}
