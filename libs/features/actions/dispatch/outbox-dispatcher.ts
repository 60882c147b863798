import { type Db, type Listener, listen } from '@nm/adapters/db';
import type { Clock } from '@nm/kernel/time';
import { z } from 'zod';

/** AdvanceRequest asks for a run; `ticket` tells one request from the next. */
export interface AdvanceRequest {
  readonly runId: string;
  readonly ticket: string;
}

export interface DispatchOptions {
  readonly db: Db;
  readonly clock: Clock;
  /** Asks the workers to advance runs. */
  readonly advance: (requests: readonly AdvanceRequest[]) => Promise<void>;
  /** Tells gateways of a change, where the database's own NOTIFY does not. The text is the JSON of the change with its `seq`. */
  readonly publish?: ((message: string) => Promise<void>) | undefined;
  readonly onError: (error: unknown) => void;
}

interface Row {
  readonly id: string;
  readonly topic: string;
  readonly payload: object;
}

const RunPayload = z.object({ runId: z.string() });
const pollMs = 1_000;
const batchMax = 200;
const sweepEveryMs = 60_000;

const dispatchStatement = {
  name: 'nm_outbox_dispatch',
  text: `UPDATE outbox SET dispatched_at = clock_timestamp()
          WHERE id IN (SELECT id FROM outbox WHERE dispatched_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING id, topic, payload`,
};

const requestOf = ({ id, payload }: Row): AdvanceRequest => ({
  runId: RunPayload.parse(payload).runId,
  ticket: `o${id}`,
});
const byId = (a: Row, b: Row): number => Number(a.id) - Number(b.id);

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
    const { db, advance, publish } = this.#options;
    const rows = await db.system<Row>(dispatchStatement, [batchMax]);
    const failed: string[] = [];
    const passOn = async (some: readonly Row[], work: () => Promise<void> | undefined): Promise<void> => {
      try {
        await work();
      } catch (error) {
        failed.push(...some.map(({ id }) => id));
        this.#options.onError(error);
      }
    };
    const runs = rows.filter(({ topic }) => topic === 'run');
    if (runs.length > 0) await passOn(runs, () => advance(runs.map(requestOf)));
    for (const row of rows.filter(({ topic }) => topic === 'change').sort(byId))
      await passOn([row], () => publish?.(JSON.stringify({ seq: Number(row.id), ...row.payload })));
    if (failed.length === 0) return rows.length;
    await db.asSystem((tx) =>
      tx.outbox.updateMany({ where: { id: { in: failed.map(BigInt) } }, data: { dispatchedAt: null } }),
    );
    // Whatever refused them needs a moment.
    return 0;
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
