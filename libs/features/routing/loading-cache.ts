import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { LRUCache } from 'lru-cache';

export interface LoadingCacheOptions<V> {
  readonly clock: Clock;
  readonly max: number;
  readonly load: (key: string) => Promise<V>;
  /** How long a value may be used without being loaded again; Infinity (the default) until it is dropped. */
  readonly ttlMs?: (value: V) => number;
  /** Names the group that a value is dropped with, such as its organisation; a value without one is dropped by key alone. */
  readonly groupOf?: (value: V, key: string) => string | undefined;
}

interface Entry<V> {
  readonly value: V;
  readonly untilMs: number;
  readonly group: string | undefined;
}

interface Flight<V> {
  stale: boolean;
  /** The number of group drops when the read began: a later drop of its value's group makes the read worthless. */
  readonly sinceDrop: number;
  readonly promise: Promise<V>;
}

/** A value that changes under every attempt to read it is handed to those who asked before the changes, and not kept. */
const attemptsMax = 3;
/** Whoever asked after a change gets nothing older than it; a group that changes faster than it can be read gets an error instead. */
const groupAttemptsMax = 10;

/**
 * LoadingCache keeps what was loaded until it is dropped. One load per key is under way at a time; a drop that comes while one is under way makes
 * it stale: it is repeated for those who wait, it is never kept, and nobody new joins it. Every operation costs the same however much is kept;
 * dropping a group costs what is in the group.
 */
export class LoadingCache<V> {
  readonly #options: LoadingCacheOptions<V>;
  readonly #entries: LRUCache<string, Entry<V>>;
  readonly #groups = new Map<string, Set<string>>();
  readonly #flights = new Map<string, Flight<V>>();
  /** When each group was last dropped, in drops; kept only while reads are under way. */
  readonly #droppedAt = new Map<string, number>();
  #drops = 0;

  constructor(options: LoadingCacheOptions<V>) {
    this.#options = options;
    this.#entries = new LRUCache({ max: options.max, dispose: (entry, key) => this.#leaveGroup(entry.group, key) });
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
    return this.#flights.get(key)?.promise ?? this.#fly(key);
  }

  #fresh(key: string): Entry<V> | undefined {
    const entry = this.#entries.get(key);
    return entry && (entry.untilMs === Infinity || entry.untilMs > this.#options.clock.monotonicMs())
      ? entry
      : undefined;
  }

  #fly(key: string, attempt = 1): Promise<V> {
    const flight: Flight<V> = {
      stale: false,
      sinceDrop: this.#drops,
      promise: Promise.resolve().then(() => this.#run(key, flight, attempt)),
    };
    this.#flights.set(key, flight);
    return flight.promise;
  }

  async #run(key: string, flight: Flight<V>, attempt: number): Promise<V> {
    try {
      const value = await this.#options.load(key);
      const group = this.#options.groupOf?.(value, key);
      const regrouped = group !== undefined && (this.#droppedAt.get(group) ?? 0) > flight.sinceDrop;
      if (!flight.stale && !regrouped) {
        this.#keep(key, value, group);
        return value;
      }
      if (regrouped && attempt >= groupAttemptsMax)
        throw new Fault('store_unavailable', { internal: `${group} changes faster than it can be read` });
      if (!regrouped && attempt >= attemptsMax) return value;
    } finally {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
      if (this.#flights.size === 0) this.#droppedAt.clear();
    }
    return this.#fresh(key)?.value ?? this.#flights.get(key)?.promise ?? this.#fly(key, attempt + 1);
  }

  #keep(key: string, value: V, group: string | undefined): void {
    const ttlMs = this.#options.ttlMs?.(value) ?? Infinity;
    this.#entries.set(key, { value, untilMs: this.#options.clock.monotonicMs() + ttlMs, group });
    if (group === undefined) return;
    const members = this.#groups.get(group);
    if (members) members.add(key);
    else this.#groups.set(group, new Set([key]));
  }

  #leaveGroup(group: string | undefined, key: string): void {
    const members = group === undefined ? undefined : this.#groups.get(group);
    if (group === undefined || !members?.delete(key)) return;
    if (members.size === 0) this.#groups.delete(group);
  }

  /** drop forgets one key. */
  drop(key: string): void {
    this.#entries.delete(key);
    this.#detach(key);
  }

  /** dropGroup forgets every value of a group, those under way included, and nothing else. */
  dropGroup(group: string): void {
    this.#drops++;
    if (this.#flights.size > 0) this.#droppedAt.set(group, this.#drops);
    const members = this.#groups.get(group);
    if (!members) return;
    this.#groups.delete(group);
    for (const key of members) this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#groups.clear();
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
