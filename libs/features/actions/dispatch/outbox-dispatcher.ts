import { type Db, type Listener, listen } from '@nm/adapters/db';
import type { Clock } from '@nm/kernel/time';
import { z } from 'zod';

export interface DispatchOptions {
  readonly db: Db;
  readonly clock: Clock;
  /** Asks the workers to advance a run. */
  readonly advance: (runId: string, ticket: string) => Promise<void>;
  /** Tells gateways of a change, where the database's own NOTIFY does not. The text is the JSON of the change with its `seq`. */
  readonly publish?: ((message: string) => Promise<void>) | undefined;
  readonly onError: (error: unknown) => void;
}

interface Row {
  readonly id: bigint;
  readonly topic: string;
  readonly payload: object;
}

const RunPayload = z.object({ runId: z.string() });
const pollMs = 1_000;
const batchMax = 100;
const sweepEveryMs = 60_000;

/**
 * OutboxDispatcher passes on what transactions left in the outbox. A row is marked before it is passed on and unmarked when that fails; when
 * the process dies in between, the run sweeper and the gateways' version check make up for it. Rows live for an hour after.
 */
export class OutboxDispatcher {
  readonly #options: DispatchOptions;
  readonly #listener: Listener;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  #wake: () => void = () => undefined;
  #sweptMs = Number.NEGATIVE_INFINITY;

  constructor(options: DispatchOptions) {
    this.#options = options;
    this.#listener = listen({
      url: options.db.url,
      channels: ['nm_outbox'],
      onMessage: () => this.#wake(),
      onConnected: () => this.#wake(),
      onError: options.onError,
    });
    this.#loop = this.#run();
  }

  /** close passes nothing more on. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#listener.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      try {
        const count = await this.#dispatch();
        await this.#sweep();
        if (count === batchMax) continue;
      } catch (error) {
        this.#options.onError(error);
      }
      await this.#pause(woken);
    }
  }

  async #pause(woken: Promise<void>): Promise<void> {
    const over = new AbortController();
    const stop = AbortSignal.any([over.signal, this.#stop.signal]);
    await Promise.race([woken, this.#options.clock.sleep(pollMs, stop).catch(() => undefined)]);
    over.abort();
  }

  async #dispatch(): Promise<number> {
    const rows = await this.#options.db.asSystem(
      (tx) => tx.$queryRaw<Row[]>`
        UPDATE outbox SET dispatched_at = clock_timestamp()
         WHERE id IN (SELECT id FROM outbox WHERE dispatched_at IS NULL ORDER BY id LIMIT ${batchMax} FOR UPDATE SKIP LOCKED)
        RETURNING id, topic, payload`,
    );
    const failed: bigint[] = [];
    for (const row of rows.sort((a, b) => (a.id < b.id ? -1 : 1)))
      await this.#passOn(row).catch((error: unknown) => {
        failed.push(row.id);
        this.#options.onError(error);
      });
    if (failed.length > 0) {
      await this.#options.db.asSystem((tx) =>
        tx.outbox.updateMany({ where: { id: { in: failed } }, data: { dispatchedAt: null } }),
      );
      // Whatever refused them needs a moment.
      return 0;
    }
    return rows.length;
  }

  async #passOn({ id, topic, payload }: Row): Promise<void> {
    if (topic === 'run') await this.#options.advance(RunPayload.parse(payload).runId, `o${id}`);
    else if (topic === 'change') await this.#options.publish?.(JSON.stringify({ seq: Number(id), ...payload }));
  }

  /** Gateways read changes of the last minutes again; after an hour nobody does. */
  async #sweep(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#sweptMs < sweepEveryMs) return;
    this.#sweptMs = nowMs;
    await this.#options.db.asSystem(
      (tx) => tx.$executeRaw`
        DELETE FROM outbox WHERE id IN (
          SELECT id FROM outbox WHERE dispatched_at < now() - interval '1 hour' ORDER BY id LIMIT 10000 FOR UPDATE SKIP LOCKED)`,
    );
  }
}
