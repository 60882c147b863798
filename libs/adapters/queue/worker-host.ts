import { Fault } from '@nm/kernel/fault';
import { type Clock, systemClock } from '@nm/kernel/time';
import { createPostgresBackend, createRedisBackend, type Job, Worker } from 'bullmq';
import { type JobHandlers, type JobName, jobCatalogue } from './job-catalogue.js';
import {
  checkQueue,
  type OnQueueError,
  openConnection,
  type QueueConnection,
  type QueueTarget,
} from './queue-backend.js';

export interface WorkerHostOptions {
  readonly target: QueueTarget;
  readonly handlers: JobHandlers;
  /** Jobs at the same time in each queue. */
  readonly concurrency: number;
  /** Refuse a Redis that may evict keys. */
  readonly strict?: boolean;
  readonly onError: OnQueueError;
  readonly onWarning?: (warning: string) => void;
  readonly clock?: Clock;
}

/** How long a job stays with a worker that no longer renews it. */
const lockMs = 60_000;
/** With an empty queue: how long one wait for the next job lasts, in seconds. */
const drainSeconds = 5;

/** WorkerHost takes jobs from every queue of the catalogue and hands each to its one handler. */
export class WorkerHost {
  readonly #options: WorkerHostOptions;
  readonly #connection: QueueConnection;
  readonly #workers: readonly Worker[];
  readonly #stop = new AbortController();
  #lastTakenMs: number | undefined;
  #paused = false;

  private constructor(options: WorkerHostOptions) {
    this.#options = options;
    const queues = [...new Set(Object.values(jobCatalogue).map((definition) => definition.queue))];
    this.#connection = openConnection(options.target, 'work', options.onError, options.concurrency + 2 * queues.length);
    this.#workers = queues.map((queue) => this.#open(queue));
  }

  /**
   * start checks the handlers and the store before it takes the first job.
   * @throws Fault config_invalid when a job has no handler or a handler no job, or when the store is not fit for workers; store_unavailable
   */
  static async start(options: WorkerHostOptions): Promise<WorkerHost> {
    checkHandlers(options.handlers);
    const { warning } = await checkQueue(options.target, options.strict);
    if (warning) options.onWarning?.(warning);
    const host = new WorkerHost(options);
    await Promise.all(host.#workers.map((worker) => worker.waitUntilReady()));
    for (const worker of host.#workers) void worker.run().catch(options.onError);
    return host;
  }

  /** Milliseconds since the last job was taken (monotonic clock); undefined before the first. */
  get sinceLastJobMs(): number | undefined {
    if (this.#lastTakenMs === undefined) return undefined;
    return (this.#options.clock ?? systemClock).monotonicMs() - this.#lastTakenMs;
  }

  /** pause takes no more jobs; those that run go on. */
  async pause(): Promise<void> {
    this.#paused = true;
    await Promise.all(this.#workers.map((worker) => worker.pause(true)));
  }

  /** abort tells every running handler to stop at its next safe point. */
  abort(reason: Error): void {
    this.#stop.abort(reason);
  }

  /** close waits for the running jobs and leaves the store. @param force do not wait: the jobs come back to others after their lock */
  async close(force = false): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close(force)));
    await this.#connection.close();
  }

  #open(queue: string): Worker {
    const factory = this.#connection.kind === 'redis' ? createRedisBackend : createPostgresBackend;
    const worker = new Worker(
      queue,
      (job: Job) => this.#work(job),
      {
        connection: this.#connection.client as never,
        autorun: false,
        concurrency: this.#options.concurrency,
        lockDuration: lockMs,
        maxStalledCount: 1,
        drainDelay: drainSeconds,
      },
      factory as never,
    );
    worker.on('error', this.#options.onError);
    worker.on('failed', (_job, error) => this.#options.onError(error));
    return worker;
  }

  async #work(job: Job): Promise<void> {
    this.#lastTakenMs = (this.#options.clock ?? systemClock).monotonicMs();
    const name = job.name as JobName;
    // A job of a newer program: another worker knows it.
    if (!Object.hasOwn(jobCatalogue, name)) throw new Fault('internal', { internal: `unknown job ${job.name}` });
    const payload = jobCatalogue[name].payload.parse(job.data);
    await this.#options.handlers[name](payload, { signal: this.#stop.signal, takesMore: () => !this.#paused });
  }
}

/** checkHandlers wants exactly one handler for each job of the catalogue. @throws Fault config_invalid */
export function checkHandlers(handlers: object): void {
  const problems = [
    ...Object.keys(jobCatalogue)
      .filter((name) => !Object.hasOwn(handlers, name))
      .map((name) => `${name} has no handler`),
    ...Object.keys(handlers)
      .filter((name) => !Object.hasOwn(jobCatalogue, name))
      .map((name) => `${name} is no job`),
  ];
  if (problems.length)
    throw new Fault('config_invalid', { public: `The worker cannot start: ${problems.join(', ')}.` });
}
