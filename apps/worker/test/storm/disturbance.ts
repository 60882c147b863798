import { systemClock as clock } from '@nm/kernel/time';
import type { TestRedis } from '../../../../libs/testing/redis.js';
import type { RunLab } from '../../../../libs/testing/run-lab.js';
import { spawnWorker, type WorkerProcess } from '../worker-process.js';
import type { Random } from './random.js';
import type { StormStore } from './storm-store.js';

/** A run that lost its worker: which claim was lost, and when. */
export interface Orphan {
  readonly runId: string;
  readonly atMs: number;
}

export interface Outage {
  readonly what: 'postgres' | 'redis';
  readonly fromMs: number;
  readonly toMs: number;
}

export interface StormParts {
  readonly lab: RunLab;
  readonly store: StormStore;
  readonly redis: TestRedis | undefined;
  readonly random: Random;
  readonly workers: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

type Kind = 'kill' | 'freeze' | 'postgres' | 'redis';

/** Longer than the lease, so that another takes over before the frozen one thaws. */
const frozenMs = [7_000, 11_000] as const;

/** Disturbance ends, freezes and restarts what the runs depend on, and notes what it did. */
export class Disturbance {
  readonly orphans: Orphan[] = [];
  readonly outages: Outage[] = [];
  readonly counts: Record<Kind, number> = { kill: 0, freeze: 0, postgres: 0, redis: 0 };
  readonly #parts: StormParts;
  #workers: WorkerProcess[] = [];
  /** What goes on beside the rage: frozen ones that thaw, new ones that start. */
  readonly #pending: Promise<void>[] = [];
  #stopped = false;

  constructor(parts: StormParts) {
    this.#parts = parts;
  }

  /** start starts the workers. */
  async start(): Promise<void> {
    this.#workers = await Promise.all(Array.from({ length: this.#parts.workers }, () => this.#spawn()));
  }

  /** rage disturbs until it is told to stop: one of each kind first, then mostly kills. */
  async rage(): Promise<void> {
    const { random, redis } = this.#parts;
    const kinds: Kind[] = ['kill', 'freeze', 'postgres', ...(redis ? (['redis'] as const) : [])];
    for (let round = 0; !this.#stopped; round++) {
      await clock.sleep(random.between(300, 2_500));
      if (this.#stopped) return;
      const kind = kinds[round] ?? (random.next() < 0.65 ? 'kill' : random.pick(kinds));
      await this.#do(kind);
    }
  }

  /** calm disturbs no more, and lets what was frozen go on. */
  async calm(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#pending);
  }

  /** close ends the workers. */
  async close(): Promise<void> {
    this.#stopped = true;
    await Promise.allSettled(this.#pending);
    for (const worker of this.#workers) worker.child.kill('SIGCONT');
    await Promise.all(this.#workers.map((worker) => worker.end('SIGKILL')));
  }

  async #do(kind: Kind): Promise<void> {
    const { store, redis, random } = this.#parts;
    if (kind === 'kill') return this.#kill();
    if (kind === 'freeze') return this.#freeze();
    this.counts[kind]++;
    const fromMs = clock.nowMs();
    await (kind === 'postgres' ? store.restart(random.pick(['fast', 'crash'])) : redis?.restart());
    this.outages.push({ what: kind, fromMs, toMs: clock.nowMs() });
  }

  async #kill(): Promise<void> {
    if (this.#workers.length === 0) return;
    this.counts.kill++;
    const worker = this.#parts.random.pick(this.#workers);
    this.#workers = this.#workers.filter((each) => each !== worker);
    await worker.end('SIGKILL');
    await this.#noteOrphans(worker, clock.nowMs());
    this.#pending.push(this.#spawn().then((next) => void this.#workers.push(next)));
  }

  async #freeze(): Promise<void> {
    const { random } = this.#parts;
    if (this.#workers.length === 0) return;
    this.counts.freeze++;
    const worker = random.pick(this.#workers);
    worker.child.kill('SIGSTOP');
    await this.#noteOrphans(worker, clock.nowMs());
    this.#pending.push(clock.sleep(random.between(...frozenMs)).then(() => void worker.child.kill('SIGCONT')));
  }

  /** Whose runs lose their worker: they are looked for in the rows, since nobody else knows. */
  async #noteOrphans({ child }: WorkerProcess, atMs: number): Promise<void> {
    const { db } = this.#parts.lab.database;
    const mine = { status: 'running', worker: { contains: `/${child.pid}/` } };
    const rows = await insist(() => db.asSystem((tx) => tx.run.findMany({ where: mine, select: { id: true } })));
    this.orphans.push(...rows.map(({ id }) => ({ runId: id, atMs })));
  }

  /** A worker that cannot start because the store is away for a moment is started again, as whatever watches over workers does. */
  async #spawn(): Promise<WorkerProcess> {
    const { lab, redis, env } = this.#parts;
    return insist(() => spawnWorker(lab, { ...(redis ? { NM_REDIS_URL: redis.url } : {}), ...env }));
  }
}

/** insist does it again while the store is away. */
export async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++)
    try {
      return await work();
    } catch (error) {
      if (tries === 40) throw error;
      await clock.sleep(250);
    }
}
