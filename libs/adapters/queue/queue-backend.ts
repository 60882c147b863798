import { Fault } from '@nm/kernel/fault';
import { assertSchemaCompatibility, LATEST_SCHEMA_VERSION } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { queueSchema } from './migrate-queue.js';

/** Where the jobs wait: Redis when it is there, else the database of the app. */
export type QueueTarget =
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'postgres'; readonly url: string };

/** queueTarget follows the configuration: `NM_REDIS_URL` when set, else `NM_DATABASE_URL`. */
export const queueTarget = (databaseUrl: string, redisUrl?: string): QueueTarget =>
  redisUrl ? { kind: 'redis', url: redisUrl } : { kind: 'postgres', url: databaseUrl };

export type OnQueueError = (error: Error) => void;

/** What BullMQ gets as `connection`; whoever opened it closes it, after the queues and workers on it. */
export type QueueConnection =
  | { readonly kind: 'redis'; readonly client: Redis; close(): Promise<void> }
  | { readonly kind: 'postgres'; readonly client: pg.Pool; close(): Promise<void> };

const checkMsMax = 1_500;
/** A producer must answer its caller: what waits for Redis fails with the second refused connection. A worker has all the time in the world. */
const producerRetries = 1;

export type ConnectionUse = 'produce' | 'work';

/**
 * openConnection dials the queue's store. The error listener is wanted: without one, a lost connection ends the process.
 * @param connectionsMax PostgreSQL only: one is held by LISTEN for each worker
 */
export function openConnection(
  target: QueueTarget,
  use: ConnectionUse,
  onError: OnQueueError,
  connectionsMax = 4,
): QueueConnection {
  if (target.kind === 'redis') {
    const client = new Redis(target.url, {
      maxRetriesPerRequest: use === 'work' ? null : producerRetries,
      retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
    });
    client.on('error', onError);
    return { kind: 'redis', client, close: async () => client.disconnect() };
  }
  const client = openPool(target.url, connectionsMax);
  client.on('error', onError);
  return { kind: 'postgres', client, close: () => client.end() };
}

/** BullMQ's own way to make a pool needs `require`, which ES modules have not; so we make it, with the schema on its search path. */
const openPool = (url: string, max: number): pg.Pool =>
  new pg.Pool({
    connectionString: url,
    max,
    application_name: 'nmachine-queue',
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    options: `-c search_path=${queueSchema}`,
  });

export interface QueueCheck {
  /** Something that works but should not stay so. */
  readonly warning?: string;
}

/**
 * checkQueue looks, within two seconds, whether workers may be started on this store: a worker on a database without the queue's schema
 * spins until memory runs out, and a Redis that evicts keys loses jobs.
 * @param strict production: a Redis that may evict keys is refused, not only warned of
 * @throws Fault store_unavailable, config_invalid
 */
export async function checkQueue(target: QueueTarget, strict = false): Promise<QueueCheck> {
  return target.kind === 'redis' ? checkRedis(target.url, strict) : checkPostgres(target.url);
}

async function checkPostgres(url: string): Promise<QueueCheck> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: checkMsMax,
    query_timeout: checkMsMax,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const version = await assertSchemaCompatibility(client, queueSchema);
    if (version >= LATEST_SCHEMA_VERSION) return {};
    throw unmigrated(`its schema has version ${version}, this program needs ${LATEST_SCHEMA_VERSION}`);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const code = (cause as { code?: string }).code;
    // 42P01: no table; 3F000: no schema; 42501: not granted.
    if (code === '42501' || (cause as Error).name.startsWith('Schema'))
      throw unmigrated((cause as Error).message, cause);
    throw new Fault('store_unavailable', { internal: `queue: ${(cause as Error).message}`, cause });
  } finally {
    await client.end().catch(() => undefined);
  }
}

const unmigrated = (why: string, cause?: unknown): Fault =>
  new Fault('config_invalid', {
    public: `The queue in the database is not ready (${why}). Run the migrations (npm run migrate), then start again.`,
    cause,
  });

async function checkRedis(url: string, strict: boolean): Promise<QueueCheck> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: checkMsMax,
    commandTimeout: checkMsMax,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const policy = /maxmemory_policy:(\S+)/.exec(await client.info('memory'))?.[1];
    if (policy === undefined || policy === 'noeviction') return {};
    const warning = `Redis may drop jobs when its memory is full: its maxmemory-policy is ${policy}. Set it to noeviction.`;
    if (strict) throw new Fault('config_invalid', { public: warning });
    return { warning };
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('store_unavailable', { internal: `queue: ${(cause as Error).message}`, cause });
  } finally {
    client.disconnect();
  }
}
