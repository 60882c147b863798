import { createPostgresBackend, createRedisBackend, Queue } from 'bullmq';
import { type JobName, type JobPayload, jobCatalogue } from './job-catalogue.js';
import { type OnQueueError, openConnection, type QueueConnection, type QueueTarget } from './queue-backend.js';

export interface ProducerOptions {
  readonly target: QueueTarget;
  readonly onError: OnQueueError;
}

/** Producer adds jobs of the catalogue. */
export class Producer {
  readonly #connection: QueueConnection;
  readonly #queues = new Map<string, Queue>();
  readonly #onError: OnQueueError;

  constructor({ target, onError }: ProducerOptions) {
    this.#onError = onError;
    this.#connection = openConnection(target, 'produce', onError);
  }

  /** add queues a job; nothing happens when one with the same id waits or runs already. @throws what the store throws when it is away */
  async add<N extends JobName>(name: N, payload: JobPayload<N>): Promise<void> {
    const definition = jobCatalogue[name];
    const data = definition.payload.parse(payload);
    await this.#queue(definition.queue).add(name, data, optionsOf(definition.id(data)));
  }

  /** addAll queues many jobs at once; those whose id waits or runs already are left out. @throws what the store throws when it is away */
  async addAll<N extends JobName>(name: N, payloads: readonly JobPayload<N>[]): Promise<void> {
    const definition = jobCatalogue[name];
    // On PostgreSQL, BullMQ's bulk insert wants the right to create things in its schema, which an app has not.
    if (this.#connection.kind === 'postgres') {
      await Promise.all(payloads.map((payload) => this.add(name, payload)));
      return;
    }
    await this.#queue(definition.queue).addBulk(
      payloads.map((payload) => {
        const data = definition.payload.parse(payload);
        return { name, data, opts: optionsOf(definition.id(data)) };
      }),
    );
  }

  /** waiting counts the jobs that nobody has taken yet. */
  async waiting(name: JobName): Promise<number> {
    return this.#queue(jobCatalogue[name].queue).getWaitingCount();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    await this.#connection.close();
  }

  #queue(name: string): Queue {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue = openQueue(name, this.#connection);
    queue.on('error', this.#onError);
    this.#queues.set(name, queue);
    return queue;
  }
}

/** An ended job must not keep its id: the next request for the same work would be ignored. */
const optionsOf = (jobId: string) => ({ jobId, removeOnComplete: true, removeOnFail: true });

function openQueue(name: string, connection: QueueConnection): Queue {
  const factory = connection.kind === 'redis' ? createRedisBackend : createPostgresBackend;
  return new Queue(name, { connection: connection.client as never, skipWaitingForReady: true }, factory as never);
}
