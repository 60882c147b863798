import type { Clock } from '@nm/kernel/time';
import { Redis } from 'ioredis';
import { bucketScript, rollScript, slotsScript } from './redis-scripts.js';
import { SharedBucket, type Shares } from './shared-bucket.js';
import type { SharedSlots, SlotShares } from './slots.js';

export interface RedisSharesOptions {
  readonly url: string;
  readonly clock: Clock;
  /** Names this gateway among the others; a new one for each start. */
  readonly gateway: string;
  readonly onError?: (error: unknown) => void;
}

/** What is asked within this time goes in one round trip. */
const flushMs = 10;
const beatMs = 2_000;
/** So long a gateway that went silent still counts, and keeps its bookings. */
const lapseMs = 15_000;
const replyMsMax = 1_000;
const rollKey = 'nm:limits:gateways';

type Client = Redis & {
  nmBucket(...args: (string | number)[]): Promise<[string, string]>;
  nmSlots(...args: (string | number)[]): Promise<[string, string]>;
  nmRoll(...args: (string | number)[]): Promise<number>;
};

/**
 * RedisShares is the account that gateways share their limits in. It is asked in the background only: what requests need is answered from what
 * came back before. Redis holds no limits of its own and may lose everything: then every budget is full again, once.
 */
export class RedisShares implements Shares, SlotShares {
  reachable = false;
  gateways = 1;
  readonly #options: RedisSharesOptions;
  readonly #redis: Client;
  readonly #queued = new Set<SharedBucket | SharedSlots>();
  #flush: NodeJS.Timeout | undefined;
  readonly #beat: NodeJS.Timeout;
  readonly #onBeat: () => void;

  private constructor(options: RedisSharesOptions, onBeat: () => void) {
    this.#options = options;
    this.#onBeat = onBeat;
    this.#redis = connect(options);
    this.#beat = setInterval(() => void this.#enrol(), beatMs);
    this.#beat.unref();
  }

  /** open tries the account once; when it is away, the gateway starts on its own part and joins later. @param onBeat called every two seconds, to renew bookings */
  static async open(options: RedisSharesOptions, onBeat: () => void = () => undefined): Promise<RedisShares> {
    const shares = new RedisShares(options, onBeat);
    const late = new AbortController();
    const ready = new Promise<void>((resolve) => shares.#redis.once('ready', () => resolve()));
    await Promise.race([ready, options.clock.sleep(replyMsMax, late.signal).catch(() => undefined)]);
    late.abort();
    await shares.#enrol();
    return shares;
  }

  queue(entry: SharedBucket | SharedSlots): void {
    this.#queued.add(entry);
    this.#flush ??= setTimeout(() => this.#send(), flushMs).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    clearTimeout(this.#flush);
    if (this.reachable) await this.#redis.zrem(rollKey, this.#options.gateway).catch(() => undefined);
    this.#redis.disconnect();
  }

  #send(): void {
    this.#flush = undefined;
    const entries = [...this.#queued];
    this.#queued.clear();
    for (const entry of entries) void (entry instanceof SharedBucket ? this.#askBucket(entry) : this.#askSlots(entry));
  }

  async #askBucket(bucket: SharedBucket): Promise<void> {
    const { spec, debt, want } = bucket.ask();
    const reply = await this.#try(() =>
      this.#redis.nmBucket(`nm:limits:{${bucket.key}}`, spec.perSecond, spec.burst, debt, want),
    );
    bucket.answered(reply && { granted: Number(reply[0]), level: Number(reply[1]) }, this.#options.clock.monotonicMs());
  }

  async #askSlots(slots: SharedSlots): Promise<void> {
    const asked = slots.ask();
    const { gateway } = this.#options;
    const reply = await this.#try(() =>
      this.#redis.nmSlots(`nm:limits:{${slots.key}}`, gateway, asked.limit, asked.inUse, asked.want, lapseMs),
    );
    slots.answered(asked, reply && { held: Number(reply[0]), others: Number(reply[1]) });
  }

  async #enrol(): Promise<void> {
    const count = await this.#try(() => this.#redis.nmRoll(rollKey, this.#options.gateway, lapseMs));
    if (count === undefined) return;
    this.gateways = Math.max(1, count);
    this.reachable = true;
    this.#onBeat();
  }

  /** The account counts as away from the first failure until a beat reaches it again. */
  async #try<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (this.reachable) this.#options.onError?.(error);
      this.reachable = false;
      return undefined;
    }
  }
}

/** connect fails fast: a limit that is decided late is decided locally. */
function connect({ url, onError }: RedisSharesOptions): Client {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: replyMsMax,
    connectTimeout: replyMsMax,
    retryStrategy: () => 500,
    lazyConnect: false,
  });
  redis.on('error', (error) => onError?.(error));
  redis.defineCommand('nmBucket', { numberOfKeys: 1, lua: bucketScript });
  redis.defineCommand('nmSlots', { numberOfKeys: 1, lua: slotsScript });
  redis.defineCommand('nmRoll', { numberOfKeys: 1, lua: rollScript });
  return redis as Client;
}
