import { type Db, type Listener, listen } from '@nm/adapters/db';
import type { Run, RunEvent } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { eventsMax, type RunEvents, runEvents } from './read-run.js';
import { isTerminal } from './run-rules.js';
import type { RunScope } from './run-scope.js';

/** Where events go; `send` resolves when there is room for more, and with false once nobody listens. */
export interface EventSink {
  readonly signal: AbortSignal;
  send(event: RunEvent): Promise<boolean>;
}

/** A message may be lost: so often it is looked whether anybody who waits has missed something. */
const lookMs = 2_000;

/** Somebody who has all of a run's story up to `seq` and waits for more. */
interface Waiter {
  seq: number;
  woken: boolean;
  readonly wake: () => void;
}

/** Different reads that are kept of a run. */
const readsMax = 32;

/** A run that somebody follows. */
interface Topic {
  followers: number;
  readonly waiters: Set<Waiter>;
  /** Reads since the last message, by the number that they read after and the scope: whoever wants the same gets the same. */
  readonly reads: Map<string, Promise<RunEvents>>;
}

/**
 * RunFeed lets many follow runs: one LISTEN connection wakes them all, followers of one run share what is read of it, and one query looks for
 * what no message told. So ten thousand quiet followers cost memory and nothing else.
 */
export class RunFeed {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #topics = new Map<string, Topic>();
  readonly #stop = new AbortController();
  #listener: Listener | undefined;
  #looking: Promise<void> | undefined;

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** first reads the beginning of what `follow` will send, so that what is wrong with the request is known before anything is sent. @throws Fault not_found */
  async first(scope: RunScope, runId: string, afterSeq: number): Promise<RunEvents> {
    const topic = this.#enter(runId);
    try {
      return await this.#read(topic, scope, runId, afterSeq);
    } finally {
      this.#leave(runId, topic);
    }
  }

  /** follow sends a run's story after a number, and what comes, until the run has ended or nobody listens. @throws Fault not_found */
  async follow(scope: RunScope, runId: string, afterSeq: number, sink: EventSink): Promise<void> {
    const { signal } = sink;
    const topic = this.#enter(runId);
    try {
      for (let seq = afterSeq; !signal.aborted; ) {
        // Waits before it looks, so that what is written after the look wakes it.
        const wait = waitAt(topic, seq, signal);
        try {
          const { events, ended } = await this.#read(topic, scope, runId, seq);
          for (const event of events) {
            if (!(await sink.send(event))) return;
            seq = event.seq;
          }
          if (ended) return;
          // What was read is all there was, unless it was much, or something has come since.
          wait.waiter.seq = seq;
          if (events.length < eventsMax && !wait.waiter.woken) await wait.woken;
        } finally {
          wait.end();
        }
      }
    } finally {
      this.#leave(runId, topic);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#listener?.close();
    await this.#looking;
  }

  #enter(runId: string): Topic {
    const topic = this.#topics.get(runId) ?? { followers: 0, waiters: new Set(), reads: new Map() };
    topic.followers++;
    this.#topics.set(runId, topic);
    this.#listener ??= listen({
      url: this.#db.url,
      channels: ['nm_run'],
      onMessage: (_channel, id) => this.#wake(this.#topics.get(id)),
      onConnected: () => {
        for (const each of this.#topics.values()) this.#wake(each);
      },
    });
    this.#looking ??= this.#lookOnAndOn();
    return topic;
  }

  #leave(runId: string, topic: Topic): void {
    topic.followers--;
    if (topic.followers === 0) this.#topics.delete(runId);
  }

  /** What is being read may be older than the message: whoever comes now reads anew. */
  #wake(topic: Topic | undefined): void {
    if (!topic) return;
    topic.reads.clear();
    for (const waiter of [...topic.waiters]) waiter.wake();
  }

  #read(topic: Topic, scope: RunScope, runId: string, seq: number): Promise<RunEvents> {
    const key = `${seq} ${scope.orgId} ${scope.licenceId ?? ''} ${scope.installId ?? ''}`;
    const known = topic.reads.get(key);
    if (known) return known;
    const read = runEvents(this.#db, scope, runId, seq).catch((error: unknown) => {
      if (topic.reads.get(key) === read) topic.reads.delete(key);
      throw error;
    });
    if (topic.reads.size >= readsMax) topic.reads.clear();
    topic.reads.set(key, read);
    return read;
  }

  async #lookOnAndOn(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#clock.sleep(lookMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      // A database that is away now answers the next look.
      await this.#look().catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const ids = [...this.#topics].filter(([, { waiters }]) => waiters.size > 0).map(([id]) => id);
    if (ids.length === 0) return;
    const select = { id: true, nextSeq: true, status: true };
    const rows = await this.#db.asSystem((tx) => tx.run.findMany({ where: { id: { in: ids } }, select }));
    const found = new Map(rows.map((row) => [row.id, row]));
    for (const id of ids) {
      const row = found.get(id);
      const topic = this.#topics.get(id);
      // A run that is gone wakes its followers too: they find that out.
      const isMissed = ({ seq }: Waiter) => !row || row.nextSeq - 1 > seq || isTerminal(row.status as Run['status']);
      if (topic && [...topic.waiters].some(isMissed)) this.#wake(topic);
    }
  }
}

function waitAt(topic: Topic, seq: number, signal: AbortSignal) {
  const { promise: woken, resolve } = Promise.withResolvers<void>();
  const wake = () => {
    waiter.woken = true;
    resolve();
  };
  const waiter: Waiter = { seq, woken: false, wake };
  topic.waiters.add(waiter);
  signal.addEventListener('abort', wake, { once: true });
  const end = () => {
    topic.waiters.delete(waiter);
    signal.removeEventListener('abort', wake);
  };
  return { waiter, woken, end };
}
