import { LRUCache } from 'lru-cache';
import { type Dispatcher, Pool } from 'undici';
import type { EngineTimeouts } from '../exchange.js';

/** Origins come and go with instances; the pools of those not used lately are closed. */
const originsMax = 1_000;
const connectionsMax = 1_024;
/** Shorter than the 5 s after which Node and uvicorn close an idle connection, so that we don't write into a closing one. */
const keepAliveMs = 4_000;

/** Pools keeps one undici Pool per origin. */
export class Pools {
  readonly #timeouts: EngineTimeouts;
  readonly #pools = new LRUCache<string, Pool>({
    max: originsMax,
    dispose: (pool, _origin, reason) => {
      if (reason === 'evict') void pool.close().catch(() => undefined);
    },
  });

  constructor(timeouts: EngineTimeouts) {
    this.#timeouts = timeouts;
  }

  /** @param origin `http://host:port` */
  of(origin: string): Dispatcher {
    let pool = this.#pools.get(origin);
    if (!pool) {
      pool = new Pool(origin, {
        connections: connectionsMax,
        pipelining: 1,
        connect: { timeout: this.#timeouts.connectMs },
        headersTimeout: this.#timeouts.headersMs,
        bodyTimeout: this.#timeouts.idleMs,
        keepAliveTimeout: keepAliveMs,
        keepAliveMaxTimeout: 60_000,
      });
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  /** Connections that stand. */
  get size(): number {
    let sum = 0;
    for (const pool of this.#pools.values()) sum += pool.stats.connected;
    return sum;
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}
