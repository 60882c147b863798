import { type Db, type Listener, listen } from '@nm/adapters/db';
import type { RunEvent } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { runEvents } from './read-run.js';
import type { RunScope } from './run-scope.js';

/** Where events go; `send` resolves when there is room for more, and with false once nobody listens. */
export interface EventSink {
  readonly signal: AbortSignal;
  send(event: RunEvent): Promise<boolean>;
}

/** A message may be lost: so often everybody looks anyway. */
const lookMsMax = 2_000;

/** RunFeed wakes those who follow runs, by one LISTEN connection for all of them. */
export class RunFeed {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #wakes = new Map<string, Set<() => void>>();
  #listener: Listener | undefined;

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** follow sends a run's story after a number, and what comes, until the run has ended or nobody listens. @throws Fault not_found */
  async follow(scope: RunScope, runId: string, afterSeq: number, sink: EventSink): Promise<void> {
    const { signal } = sink;
    for (let seq = afterSeq; !signal.aborted; ) {
      // Watched before the look, so that what is written after it wakes us.
      const watch = this.#watch(runId);
      try {
        const { events, ended } = await runEvents(this.#db, scope, runId, seq);
        for (const event of events) {
          if (!(await sink.send(event))) return;
          seq = event.seq;
        }
        if (ended) return;
        if (events.length === 0) await this.#pause(watch.woken, signal);
      } finally {
        watch.end();
      }
    }
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  async #pause(woken: Promise<void>, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const stop = AbortSignal.any([over.signal, signal]);
    await Promise.race([woken, this.#clock.sleep(lookMsMax, stop).catch(() => undefined)]);
    over.abort();
  }

  #watch(runId: string): { readonly woken: Promise<void>; readonly end: () => void } {
    this.#listener ??= listen({
      url: this.#db.url,
      channels: ['nm_run'],
      onMessage: (_channel, id) => {
        for (const wake of this.#wakes.get(id) ?? []) wake();
      },
    });
    const wakes = this.#wakes.get(runId) ?? new Set();
    this.#wakes.set(runId, wakes);
    let wake = (): void => undefined;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    wakes.add(wake);
    const end = () => {
      wakes.delete(wake);
      if (wakes.size === 0 && this.#wakes.get(runId) === wakes) this.#wakes.delete(runId);
    };
    return { woken, end };
  }
}
