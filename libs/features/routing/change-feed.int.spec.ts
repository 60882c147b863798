import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Change, recordChange } from '@nm/adapters/db';
import { FakeClock } from '@nm/kernel/time';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../testing/free-port.js';
import { describeWith } from '../../testing/needs.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { ChangeFeed, type ChangeFeedOptions, redisChangeChannel } from './change-feed.js';

const closers: (() => Promise<unknown>)[] = [];
let database: TestDatabase;
let owner: pg.Client;
let clock: FakeClock;
let heard: Change[];
let resets: number;

beforeEach(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  clock = new FakeClock();
  heard = [];
  resets = 0;
  closers.push(
    () => database.close(),
    () => owner.end(),
  );
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const start = async (more: Partial<ChangeFeedOptions> = {}): Promise<ChangeFeed> => {
  const feed = await ChangeFeed.start({
    db: database.db,
    clock,
    apply: (change) => void heard.push(change),
    reset: () => void resets++,
    ...more,
  });
  closers.push(() => feed.close());
  return feed;
};
const change = (id: string): Change => ({ kind: 'licence', id, orgId: 'org_1' });
const record = (id: string) => database.db.asSystem((tx) => recordChange(tx, change(id)));
const mute = () => owner.query('ALTER TABLE outbox DISABLE TRIGGER outbox_notify');

describe('ChangeFeed', () => {
  it('applies a change once, whether by message or by check, and none from before its start', async () => {
    await record('before');
    const feed = await start();
    await record('told');
    await expect.poll(() => heard).toEqual([change('told')]);
    await mute();
    await record('lost');
    await feed.check();
    await feed.check();
    expect(heard).toEqual([change('told'), change('lost')]);
  });

  it('keeps its memory of what it saw bounded, and misses nothing over hours', async () => {
    const feed = await start();
    await mute();
    for (let i = 0; i < 40; i++) {
      await record(`c${i}`);
      await clock.advance(10_000);
      await feed.check();
    }
    expect(heard.map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, i) => `c${i}`));
  });

  it('drops everything when more was missed than it wants to read', async () => {
    const feed = await start();
    await mute();
    await owner.query(
      `INSERT INTO outbox (topic, payload) SELECT 'change', '{"kind":"app","id":"x","orgId":null}' FROM generate_series(1, 5000)`,
    );
    await feed.check();
    expect([resets, heard.length]).toEqual([1, 0]);
    await record('after');
    await feed.check();
    expect(heard).toEqual([change('after')]);
  });

  it('is stale once nothing could be checked for more than a minute', async () => {
    const feed = await start();
    const ageAfter = async (ms: number) => {
      await clock.advance(ms);
      return feed.stale;
    };
    await owner.query('ALTER TABLE outbox RENAME TO outbox_away');
    expect(await ageAfter(60_000)).toBe(false);
    expect(await ageAfter(1)).toBe(true);
    await owner.query('ALTER TABLE outbox_away RENAME TO outbox');
    // The first may be one that had begun a minute ago, or without the table.
    await feed.check().catch(() => undefined);
    await feed.check();
    expect(feed.stale).toBe(false);
  });
});

describeWith(['redis'], 'ChangeFeed on Redis', () => {
  it('hears changes there, checks after each connection, and ignores what is no change', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nm-redis-'));
    const port = await freePort();
    const run = () => {
      const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
      return spawn('redis-server', args, { stdio: 'ignore' });
    };
    let server = run();
    const stop = async () => {
      server.kill('SIGKILL');
      await once(server, 'exit');
    };
    closers.push(() => rm(folder, { recursive: true, force: true }), stop);
    await start({ redisUrl: `redis://127.0.0.1:${port}`, onError: () => undefined });
    const publisher = new Redis(port, '127.0.0.1', { retryStrategy: () => 100, maxRetriesPerRequest: null });
    publisher.on('error', () => undefined);
    closers.push(async () => publisher.disconnect());
    await expect.poll(async () => ((await publisher.pubsub('NUMSUB', redisChangeChannel)) as unknown[])[1]).toBe(1);
    await publisher.publish(redisChangeChannel, 'not json');
    await publisher.publish(redisChangeChannel, '{"kind":"nothing"}');
    await publisher.publish(redisChangeChannel, JSON.stringify({ seq: 1_000_000, ...change('redis') }));
    await expect.poll(() => heard).toEqual([change('redis')]);
    await mute();
    await stop();
    await record('while Redis was away');
    server = run();
    await expect.poll(() => heard.length, { timeout: 5_000 }).toBe(2);
    expect(heard[1]).toEqual(change('while Redis was away'));
  });
});
