// Bare BullMQ in a process of its own: a queue is filled, then a worker that does nothing empties it. The first half of the jobs only warms it up.
// Arguments: kind of store, its URL, concurrency, jobs that are measured.
import { createPostgresBackend, createRedisBackend, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';

const [kind, url, concurrency, jobs] = process.argv.slice(2);
const measured = Number(jobs);
const count = 2 * measured;
const factory = kind === 'redis' ? createRedisBackend : createPostgresBackend;
const connect = () =>
  kind === 'redis'
    ? new Redis(url, { maxRetriesPerRequest: null })
    : new pg.Pool({ connectionString: url, max: Number(concurrency) + 2, options: '-c search_path=bullmq' });

const queue = new Queue('bench', { connection: connect(), skipWaitingForReady: true }, factory);
let next = 0;
const lane = async () => {
  while (next < count)
    await queue.add('noop', { i: next++ }, { jobId: `j-${process.pid}-${next}`, removeOnComplete: true });
};
const addedAt = performance.now();
await Promise.all(Array.from({ length: 8 }, lane));
const addMs = performance.now() - addedAt;
let done = 0;
let firstAt = 0;
const worker = new Worker(
  'bench',
  async () => {
    if (++done === measured) firstAt = performance.now();
    if (done !== count) return;
    const ms = performance.now() - firstAt;
    setImmediate(() => {
      console.log(JSON.stringify({ perSecond: measured / (ms / 1000), addMs }));
      process.exit(0);
    });
  },
  { connection: connect(), concurrency: Number(concurrency) },
  factory,
);
worker.on('error', (error) => console.error(error.message));
