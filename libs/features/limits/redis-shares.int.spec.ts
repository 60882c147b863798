import { systemClock } from '@nm/kernel/time';
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../../testing/needs.js';
import { startRedis, type TestRedis } from '../../testing/redis.js';
import { endRequest, takeRequest } from './admit-usage.js';
import { type Account, LimitBook, type LimitSpec } from './limit-book.js';
import { RedisShares } from './redis-shares.js';
import { sliceOf } from './shared-bucket.js';
import { slotsSliceOf } from './slots.js';

const pause = (ms: number): Promise<void> => systemClock.sleep(ms);

describeWith(['redis'], 'limits shared through Redis', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function stage(
    count: number,
    spec: LimitSpec,
  ): Promise<{ redis: TestRedis; accounts: Account[]; shares: RedisShares[] }> {
    const redis = await startRedis();
    closers.push(() => redis.stop());
    const shares: RedisShares[] = [];
    for (let i = 0; i < count; i++)
      shares.push(await RedisShares.open({ url: redis.url, clock: systemClock, gateway: `g${i}` }));
    for (const each of shares) closers.push(() => each.close());
    await expect
      .poll(() => shares.map(({ gateways }) => gateways), { timeout: 10_000 })
      .toEqual(shares.map(() => count));
    const accounts = shares.map(
      (share) => new LimitBook({ clock: systemClock, shares: share }).account('licence', 'lic_1', spec)!,
    );
    return { redis, accounts, shares };
  }

  /** press asks at every gateway for the given time; who is let in ends at once. @returns how many were let in, and in how many seconds */
  async function press(accounts: readonly Account[], forMs: number): Promise<{ allowed: number; seconds: number }> {
    const started = systemClock.monotonicMs();
    let allowed = 0;
    while (systemClock.monotonicMs() - started < forMs) {
      for (const account of accounts) {
        const nowMs = systemClock.monotonicMs();
        if (takeRequest([account], nowMs)) continue;
        allowed++;
        endRequest([account], 0, nowMs);
      }
      await pause(1);
    }
    return { allowed, seconds: (systemClock.monotonicMs() - started) / 1000 };
  }

  it('holds one rate over two gateways within the stated error', async () => {
    const spec = { requestsPerSecond: 50, burst: 50 };
    const { accounts } = await stage(2, spec);
    const { allowed, seconds } = await press(accounts, 3_000);
    const exact = 50 + 50 * seconds;
    const slice = sliceOf({ perSecond: 50, burst: 50 });
    expect(allowed).toBeLessThanOrEqual(exact + 2 * slice);
    expect(allowed).toBeGreaterThan(exact * 0.8);
  });

  it('holds one concurrency over two gateways within the stated error, and gives idle slots back', async () => {
    const { accounts } = await stage(2, { concurrency: 20 });
    const fill = async (which: readonly Account[]): Promise<number> => {
      let open = 0;
      for (let i = 0; i < 150; i++) {
        for (const account of which) if (!takeRequest([account], systemClock.monotonicMs())) open++;
        await pause(2);
      }
      return open;
    };
    const open = await fill(accounts);
    expect(open).toBeLessThanOrEqual(20 + 2 * slotsSliceOf(20));
    expect(open).toBeGreaterThanOrEqual(18);
    for (const account of accounts) while (account.open!.inUse > 0) endRequest([account], 0, systemClock.monotonicMs());
    await expect
      .poll(
        async () => {
          const got = await fill([accounts[0]!]);
          for (let i = 0; i < got; i++) endRequest([accounts[0]!], 0, systemClock.monotonicMs());
          return got;
        },
        { timeout: 20_000 },
      )
      .toBeGreaterThanOrEqual(18);
  });

  it('goes on with each gateway’s own part when Redis is killed, and joins again when it is back', async () => {
    const spec = { requestsPerSecond: 40, burst: 20 };
    const { redis, accounts, shares } = await stage(2, spec);
    await press(accounts, 500);
    await redis.stop();
    await press(accounts, 300);
    expect(shares.map(({ reachable }) => reachable)).toEqual([false, false]);
    const alone = await press(accounts, 2_000);
    expect(alone.allowed).toBeLessThanOrEqual(40 * alone.seconds + 20);
    expect(alone.allowed).toBeGreaterThan(40 * alone.seconds * 0.7);
    await redis.restart();
    await expect.poll(() => shares.every(({ reachable }) => reachable), { timeout: 20_000 }).toBe(true);
    const back = await press(accounts, 2_000);
    expect(back.allowed).toBeLessThanOrEqual(20 + 40 * back.seconds + 2 * sliceOf({ perSecond: 40, burst: 20 }));
  });

  it('frees the slots of a gateway that died, and keeps those of one that lives for as long as they are open', {
    timeout: 180_000,
  }, async () => {
    const spec = { concurrency: 20 };
    const slice = slotsSliceOf(20);
    const redis = await startRedis();
    closers.push(() => redis.stop());
    const open = async (gateway: string) => {
      let book: LimitBook | undefined;
      const options = { url: redis.url, clock: systemClock, gateway };
      const shares = await RedisShares.open(options, () => book?.renew());
      closers.push(() => shares.close());
      book = new LimitBook({ clock: systemClock, shares });
      return { shares, account: book.account('licence', 'lic_1', spec)! };
    };
    const fill = async (account: Account, atMost: number, tries = 30): Promise<void> => {
      for (let i = 0; i < tries && account.open!.inUse < atMost; i++) {
        takeRequest([account], systemClock.monotonicMs());
        await pause(10);
      }
    };
    const [lives, dies] = [await open('lives'), await open('dies')];
    await fill(lives.account, 8, 2_000);
    await fill(dies.account, 8, 2_000);
    expect([lives.account.open!.inUse, dies.account.open!.inUse]).toEqual([8, 8]);
    await dies.shares.close();
    const fresh = await open('fresh');
    await fill(fresh.account, 20);
    expect(fresh.account.open!.inUse).toBeLessThanOrEqual(4 + slice);
    const taken = async (): Promise<number> => {
      await fill(fresh.account, 20);
      return fresh.account.open!.inUse;
    };
    // By then what the other has open was booked just as long ago, and nothing was asked there since. It may withhold a slice.
    await expect.poll(taken, { timeout: 120_000 }).toBeGreaterThanOrEqual(12 - slice);
    for (let i = 0; i < 5; i++) expect(await taken()).toBeLessThanOrEqual(12 + slice);
  });

  it('has every budget full again, once, when Redis loses what it held', async () => {
    const bucket = { perSecond: 1, burst: 40 };
    const { redis, accounts } = await stage(2, { requestsPerSecond: 1, burst: 40 });
    const most = (seconds: number): number => 40 + seconds + 2 * sliceOf(bucket);
    const first = await press(accounts, 1_000);
    expect(first.allowed).toBeLessThanOrEqual(most(first.seconds));
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    let again = 0;
    const startedMs = systemClock.monotonicMs();
    const pressed = async (): Promise<number> => {
      again += (await press(accounts, 500)).allowed;
      return again;
    };
    await expect.poll(pressed, { timeout: 20_000 }).toBeGreaterThan(30);
    await press(accounts, 500).then(({ allowed }) => {
      again += allowed;
    });
    expect(again).toBeLessThanOrEqual(most((systemClock.monotonicMs() - startedMs) / 1000));
  });
});
