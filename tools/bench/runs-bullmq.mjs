// Bare BullMQ in a process of its own: a worker that does nothing, or a producer. Arguments: kind of store, its URL, concurrency, jobs.
import { createPostgresBackend, createRedisBackend, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';

const [kind, url, concurrency, jobs] = process.argv.slice(2);
const count = Number(jobs);
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
    firstAt ||= performance.now();
    if (++done !== count) return;
    const ms = performance.now() - firstAt;
    setImmediate(() => {
      console.log(JSON.stringify({ perSecond: (count - 1) / (ms / 1000), addMs }));
      process.exit(0);
    });
  },
  { connection: connect(), concurrency: Number(concurrency) },
  factory,
);
worker.on('error', (error) => console.error(error.message));
