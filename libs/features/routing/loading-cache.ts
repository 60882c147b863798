import type { Clock } from '@nm/kernel/time';
import { LRUCache } from 'lru-cache';

export interface LoadingCacheOptions<V> {
  readonly clock: Clock;
  readonly max: number;
  readonly load: (key: string) => Promise<V>;
  /** How long a value may be used without being loaded again; Infinity (the default) until it is dropped. */
  readonly ttlMs?: (value: V) => number;
}

interface Entry<V> {
  readonly value: V;
  readonly untilMs: number;
}

interface Flight<V> {
  stale: boolean;
  readonly promise: Promise<V>;
}

/** A value that changes under every attempt to read it is handed out after this many, and not kept. */
const attemptsMax = 3;

/**
 * LoadingCache keeps what was loaded until it is dropped. One load per key is under way at a time; a drop that comes while one is under way makes
 * it stale: it is repeated for those who wait, it is never kept, and nobody new joins it.
 */
export class LoadingCache<V> {
  readonly #options: LoadingCacheOptions<V>;
  readonly #entries: LRUCache<string, Entry<V>>;
  readonly #flights = new Map<string, Flight<V>>();

  constructor(options: LoadingCacheOptions<V>) {
    this.#options = options;
    this.#entries = new LRUCache({ max: options.max });
  }

  get size(): number {
    return this.#entries.size;
  }

  /** peek gives what is in memory, without loading. A kept `undefined` is told as `undefined` too. */
  peek(key: string): V | undefined {
    return this.#fresh(key)?.value;
  }

  /** get answers from memory, at once; or with the promise of a load. */
  get(key: string): V | Promise<V> {
    const entry = this.#fresh(key);
    if (entry) return entry.value;
    const flying = this.#flights.get(key);
    if (flying) return flying.promise;
    return this.#fly(key);
  }

  #fresh(key: string): Entry<V> | undefined {
    const entry = this.#entries.get(key);
    return entry && (entry.untilMs === Infinity || entry.untilMs > this.#options.clock.monotonicMs())
      ? entry
      : undefined;
  }

  #fly(key: string, attempt = 1): Promise<V> {
    const flight: Flight<V> = { stale: false, promise: Promise.resolve().then(() => this.#run(key, flight, attempt)) };
    this.#flights.set(key, flight);
    return flight.promise;
  }

  async #run(key: string, flight: Flight<V>, attempt: number): Promise<V> {
    try {
      const value = await this.#options.load(key);
      if (!flight.stale) {
        this.#keep(key, value);
        return value;
      }
      if (attempt >= attemptsMax) return value;
    } finally {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    }
    return this.#fresh(key)?.value ?? this.#flights.get(key)?.promise ?? this.#fly(key, attempt + 1);
  }

  #keep(key: string, value: V): void {
    const ttlMs = this.#options.ttlMs?.(value) ?? Infinity;
    this.#entries.set(key, { value, untilMs: this.#options.clock.monotonicMs() + ttlMs });
  }

  /** drop forgets one key. */
  drop(key: string): void {
    this.#entries.delete(key);
    this.#detach(key);
  }

  /** dropWhere forgets every value that matches; loads under way may bring such a value, so all of them are repeated. */
  dropWhere(matches: (value: V, key: string) => boolean): void {
    for (const [key, entry] of this.#entries.entries()) if (matches(entry.value, key)) this.#entries.delete(key);
    for (const key of [...this.#flights.keys()]) this.#detach(key);
  }

  clear(): void {
    this.#entries.clear();
    for (const key of [...this.#flights.keys()]) this.#detach(key);
  }

  /** A stale flight goes on for those who wait already; whoever comes now starts a new one. */
  #detach(key: string): void {
    const flight = this.#flights.get(key);
    if (!flight) return;
    flight.stale = true;
    this.#flights.delete(key);
  }
}
