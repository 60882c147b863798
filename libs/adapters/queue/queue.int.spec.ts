import { hasCode } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { describeWith } from '../../testing/needs.js';
import { startRedis, type TestRedis } from '../../testing/redis.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import {
  checkHandlers,
  checkQueue,
  type JobHandler,
  migrateQueue,
  Producer,
  type QueueTarget,
  WorkerHost,
} from './index.js';

const noError = () => undefined;
const job = (runId: string, ticket = 't1') => ({ runId, ticket });

/** What both backends promise. */
function queueSuite(target: () => QueueTarget): void {
  const opened: { close(force?: boolean): Promise<void> }[] = [];
  const produce = (): Producer => {
    const producer = new Producer({ target: target(), onError: noError });
    opened.push(producer);
    return producer;
  };
  const work = async (handler: JobHandler<'advance-run'>, concurrency = 4): Promise<WorkerHost> => {
    const host = await WorkerHost.start({
      target: target(),
      handlers: { 'advance-run': handler },
      concurrency,
      onError: noError,
    });
    opened.unshift(host);
    return host;
  };
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close(true);
  });

  it('hands every job that was added to a worker, once', async () => {
    const seen: string[] = [];
    await work(async ({ runId }) => void seen.push(runId));
    const producer = produce();
    const ids = Array.from({ length: 50 }, (_, i) => `many-${i}`);
    await Promise.all(ids.map((id) => producer.add('advance-run', job(id))));
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(50);
    await systemClock.sleep(100);
    expect(seen.sort()).toEqual(ids.sort());
  });

  it('hands every job of a batch to a worker, once, those left out that wait already', async () => {
    const seen: string[] = [];
    const producer = produce();
    const ids = Array.from({ length: 30 }, (_, i) => `batch-${i}`);
    await producer.add('advance-run', job('batch-3'));
    await producer.addAll(
      'advance-run',
      ids.map((id) => job(id)),
    );
    expect(await producer.waiting('advance-run')).toBe(30);
    await work(async ({ runId }) => void seen.push(runId));
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(30);
    await systemClock.sleep(100);
    expect(seen.sort()).toEqual(ids.sort());
  });

  it('takes a job added twice while it waits as one', async () => {
    const producer = produce();
    await producer.add('advance-run', job('twice'));
    await producer.add('advance-run', job('twice'));
    expect(await producer.waiting('advance-run')).toBe(1);
    let count = 0;
    await work(async () => void count++);
    await expect.poll(() => count, { timeout: 10_000 }).toBe(1);
    await systemClock.sleep(200);
    expect(count).toBe(1);
  });

  it('takes the same job again after it has ended, well or badly', async () => {
    let count = 0;
    await work(async () => {
      count++;
      throw new Error('as planned');
    });
    const producer = produce();
    for (const wanted of [1, 2, 3]) {
      await producer.add('advance-run', job('again'));
      await expect.poll(() => count, { timeout: 10_000 }).toBe(wanted);
      await systemClock.sleep(50);
    }
  });

  it('runs no more jobs at a time than it is allowed', async () => {
    let running = 0;
    let most = 0;
    let done = 0;
    await work(async () => {
      most = Math.max(most, ++running);
      await systemClock.sleep(30);
      running--;
      done++;
    }, 3);
    const producer = produce();
    for (let i = 0; i < 12; i++) await producer.add('advance-run', job(`limit-${i}`));
    await expect.poll(() => done, { timeout: 10_000 }).toBe(12);
    expect(most).toBe(3);
  });

  it('takes no new job once paused, lets the running one end, and leaves the rest to others', async () => {
    const ended: string[] = [];
    let began = 0;
    const handler: JobHandler<'advance-run'> = async ({ runId }) => {
      began++;
      await systemClock.sleep(300);
      ended.push(runId);
    };
    const leaving = await work(handler, 1);
    const producer = produce();
    await producer.add('advance-run', job('first'));
    await expect.poll(() => began, { timeout: 10_000 }).toBe(1);
    await leaving.pause();
    await producer.add('advance-run', job('second'));
    await leaving.close();
    opened.splice(opened.indexOf(leaving), 1);
    expect(ended).toEqual(['first']);
    await work(handler, 1);
    await expect.poll(() => ended, { timeout: 10_000 }).toEqual(['first', 'second']);
  });

  it('tells a running handler to stop', async () => {
    let reason: unknown;
    const host = await work(async (_payload, { signal }) => {
      await systemClock.sleep(60_000, signal).catch((error: unknown) => {
        reason = error;
      });
    });
    await produce().add('advance-run', job('stop'));
    await expect.poll(() => host.sinceLastJobMs, { timeout: 10_000 }).toBeDefined();
    host.abort(new Error('enough'));
    await expect.poll(() => reason).toMatchObject({ message: 'enough' });
  });

  it('refuses a payload that is not of the catalogue', async () => {
    const producer = produce();
    await expect(producer.add('advance-run', { runId: '', ticket: 'x' })).rejects.toThrow();
  });
}

describe('queue on PostgreSQL', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.close());
  queueSuite(() => ({ kind: 'postgres', url: database.url }));

  it('does not start a worker on a database without the schema, and says so within two seconds', async () => {
    const admin = new pg.Client({ connectionString: inject('postgresAdminUrl') });
    await admin.connect();
    await admin.query('CREATE DATABASE queue_unmigrated');
    const url = new URL(database.url);
    url.pathname = '/queue_unmigrated';
    const begin = systemClock.monotonicMs();
    const start = WorkerHost.start({
      target: { kind: 'postgres', url: url.href },
      handlers: { 'advance-run': async () => undefined },
      concurrency: 1,
      onError: noError,
    });
    await expect(start).rejects.toMatchObject({
      code: 'config_invalid',
      publicMessage: expect.stringContaining('migrate'),
    });
    expect(systemClock.monotonicMs() - begin).toBeLessThan(2_000);

    const owner = new URL(inject('postgresAdminUrl'));
    owner.pathname = '/queue_unmigrated';
    await Promise.all([migrateQueue(owner.href), migrateQueue(owner.href)]);
    expect(await checkQueue({ kind: 'postgres', url: url.href })).toEqual({});
    await admin.query('DROP DATABASE queue_unmigrated');
    await admin.end();
  });

  it('says that the store is away when it is', async () => {
    const check = checkQueue({ kind: 'postgres', url: 'postgresql://nm_app:x@127.0.0.1:1/none' });
    await expect(check).rejects.toSatisfy((error: unknown) => hasCode(error, 'store_unavailable'));
  });

  it('goes on after its connections were cut', async () => {
    const seen: string[] = [];
    const target: QueueTarget = { kind: 'postgres', url: database.url };
    const host = await WorkerHost.start({
      target,
      handlers: { 'advance-run': async ({ runId }) => void seen.push(runId) },
      concurrency: 2,
      onError: noError,
    });
    const owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    await owner.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    await owner.end();
    const producer = new Producer({ target, onError: noError });
    await producer.add('advance-run', job('after-cut'));
    await expect.poll(() => seen, { timeout: 20_000 }).toContain('after-cut');
    await host.close(true);
    await producer.close();
  });
});

describeWith(['redis'], 'queue on Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  queueSuite(() => ({ kind: 'redis', url: redis.url }));

  it('goes on by itself after the server was killed and came back empty', async () => {
    const seen: string[] = [];
    const target: QueueTarget = { kind: 'redis', url: redis.url };
    const host = await WorkerHost.start({
      target,
      handlers: { 'advance-run': async ({ runId }) => void seen.push(runId) },
      concurrency: 2,
      onError: noError,
    });
    const producer = new Producer({ target, onError: noError });
    await producer.add('advance-run', job('before'));
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['before']);
    await redis.restart();
    await expect
      .poll(
        () =>
          producer.add('advance-run', job('after')).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    await expect.poll(() => seen, { timeout: 20_000 }).toEqual(['before', 'after']);
    await host.close(true);
    await producer.close();
  });

  it('warns of a server that may evict keys, and refuses it in production', async () => {
    const evicting = await startRedis({ maxmemoryPolicy: 'allkeys-lru' });
    const target: QueueTarget = { kind: 'redis', url: evicting.url };
    expect((await checkQueue(target)).warning).toContain('noeviction');
    await expect(checkQueue(target, true)).rejects.toMatchObject({ code: 'config_invalid' });
    await evicting.stop();
    await expect(checkQueue(target)).rejects.toMatchObject({ code: 'store_unavailable' });
  });
});

describe('checkHandlers', () => {
  it('wants one handler for every job and no other', () => {
    expect(() => checkHandlers({})).toThrow(/advance-run has no handler/);
    expect(() => checkHandlers({ 'advance-run': noError, other: noError })).toThrow(/other is no job/);
    checkHandlers({ 'advance-run': noError });
  });
});
