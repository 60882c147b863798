import { systemClock } from '@nm/kernel/time';
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
});
