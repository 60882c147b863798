import { type Change, changeChannel, changeKinds, type Db, listen, type Tx } from '@nm/adapters/db';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { Redis } from 'ioredis';
import { z } from 'zod';

/** Redis channel that the outbox dispatcher publishes changes to; the same JSON as the NOTIFY. */
export const redisChangeChannel = 'nm:change';

const Message = z.object({
  seq: z.number(),
  kind: z.enum(changeKinds),
  id: z.string(),
  orgId: z.string().nullable(),
});

/** settledId is the newest row that is surely older than every open transaction: twice the settling time, because this one time clocks matter. */
async function settledId(tx: Tx): Promise<bigint> {
  const [row] = await tx.$queryRaw<{ id: bigint }[]>`
    SELECT coalesce(max(id), 0) AS id FROM outbox WHERE created_at < now() - interval '60 s'`;
  return row?.id ?? 0n;
}

export interface ChangeFeedOptions {
  readonly db: Db;
  readonly clock: Clock;
  /** Set: changes come from Redis instead of PostgreSQL's NOTIFY. */
  readonly redisUrl?: string | undefined;
  readonly apply: (change: Change) => void;
  /** Too much was missed to name it. */
  readonly reset: () => void;
  readonly onError?: (error: unknown) => void;
}

const checkEveryMs = 2_000;
/** A change's row is numbered when it is written and seen when its transaction commits; no transaction lives longer than this. */
const settleMs = 30_000;
const rowsMax = 5_000;
/** So long may decisions rest on what was last known to be true. */
const leaseMs = 60_000;

interface Mark {
  readonly atMs: number;
  readonly maxId: bigint;
}

/**
 * ChangeFeed hears of every change at once by message, and heals what messages lose: every two seconds it reads the outbox rows that may have
 * appeared since, by number and not by time, so clocks need not agree. It also knows how long ago that last worked.
 */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  readonly #stop = new AbortController();
  readonly #seen = new Set<bigint>();
  #marks: Mark[] = [];
  #floor = -1n;
  #verifiedMs: number;
  #checking: Promise<void> | undefined;
  #closeSource: () => Promise<void> = async () => undefined;

  private constructor(options: ChangeFeedOptions) {
    this.#options = options;
    this.#verifiedMs = options.clock.monotonicMs();
  }

  /** start resolves after the first check. @throws Fault store_unavailable */
  static async start(options: ChangeFeedOptions): Promise<ChangeFeed> {
    const feed = new ChangeFeed(options);
    feed.#subscribe();
    try {
      await feed.check();
    } catch (error) {
      await feed.close();
      throw error;
    }
    void feed.#run();
    return feed;
  }

  /** stale is true when nothing could be verified for the length of the lease: then unknown is no. */
  get stale(): boolean {
    return this.ageMs > leaseMs;
  }

  /** Milliseconds since what is in memory was last held against the store. */
  get ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#verifiedMs;
  }

  /** check reads what messages may have lost; one at a time. @throws Fault store_unavailable */
  check(): Promise<void> {
    this.#checking ??= this.#read().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async close(): Promise<void> {
    this.#stop.abort(new Fault('draining'));
    await this.#closeSource();
  }

  #subscribe(): void {
    const { redisUrl, db } = this.#options;
    const onConnected = (): void => void this.check().catch((error: unknown) => this.#options.onError?.(error));
    if (redisUrl === undefined) {
      const listener = listen({
        url: db.url,
        channels: [changeChannel],
        onMessage: (_channel, payload) => this.#hear(payload),
        onConnected,
        onError: (error) => this.#options.onError?.(error),
      });
      this.#closeSource = () => listener.close();
      return;
    }
    const redis = new Redis(redisUrl, { maxRetriesPerRequest: null, retryStrategy: () => 500 });
    redis.on('error', (error) => this.#options.onError?.(error));
    redis.on('message', (_channel: string, payload: string) => this.#hear(payload));
    redis.on('ready', onConnected);
    void redis.subscribe(redisChangeChannel).catch((error: unknown) => this.#options.onError?.(error));
    this.#closeSource = async () => redis.disconnect();
  }

  #hear(payload: string): void {
    let parsed: unknown;
    try {
      parsed = JSON.parse(payload);
    } catch {
      return;
    }
    const message = Message.safeParse(parsed);
    if (message.success) this.#take(BigInt(message.data.seq), message.data);
  }

  #take(seq: bigint, { kind, id, orgId }: Change): void {
    if (this.#seen.has(seq)) return;
    this.#seen.add(seq);
    this.#options.apply({ kind, id, orgId });
  }

  async #run(): Promise<void> {
    const { clock, onError } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await clock.sleep(checkEveryMs, signal);
        await this.check();
      } catch (error) {
        if (!signal.aborted) onError?.(error);
      }
    }
  }

  async #read(): Promise<void> {
    const { db, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const first = this.#floor < 0n;
    const { rows, maxId, floor } = await db.asSystem(async (tx) => {
      const [newest] = await tx.$queryRaw<{ id: bigint }[]>`SELECT coalesce(max(id), 0) AS id FROM outbox`;
      const from = first ? await settledId(tx) : this.#floor;
      const found = await tx.outbox.findMany({
        where: { topic: 'change', id: { gt: from } },
        orderBy: { id: 'asc' },
        take: rowsMax,
        select: { id: true, payload: true },
      });
      return { rows: found, maxId: newest?.id ?? 0n, floor: from };
    });
    this.#floor = floor;
    if (rows.length === rowsMax) this.#missedTooMuch(maxId);
    else if (first) for (const row of rows) this.#seen.add(row.id);
    else for (const row of rows) this.#take(row.id, Message.omit({ seq: true }).parse(row.payload));
    this.#verifiedMs = startedMs;
    this.#advance({ atMs: startedMs, maxId });
  }

  #missedTooMuch(maxId: bigint): void {
    this.#options.reset();
    this.#marks = [];
    this.#floor = maxId;
  }

  /** The floor follows at a distance: below it, every transaction has ended and was seen. */
  #advance(mark: Mark): void {
    this.#marks.push(mark);
    while (this.#marks[1] !== undefined && mark.atMs - this.#marks[1].atMs >= settleMs) this.#marks.shift();
    const oldest = this.#marks[0];
    if (oldest === undefined || mark.atMs - oldest.atMs < settleMs || oldest.maxId <= this.#floor) return;
    this.#floor = oldest.maxId;
    for (const seq of this.#seen) if (seq <= this.#floor) this.#seen.delete(seq);
  }
}
