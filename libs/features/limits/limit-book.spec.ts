import { FakeClock } from '@nm/kernel/time';
import { describe, expect, it } from 'vitest';
import { endRequest, outlastRequest, takeRequest, takeWake } from './admit-usage.js';
import { LimitBook } from './limit-book.js';
import { limitField } from './rate-limit-fields.js';

describe('LimitBook', () => {
  const clock = new FakeClock();
  const now = (): number => clock.monotonicMs();

  it('has no account for who has no limits', () => {
    expect(new LimitBook({ clock }).account('licence', 'lic_1', { burst: 3 })).toBeUndefined();
  });

  it('books a request in all accounts or in none', async () => {
    const book = new LimitBook({ clock });
    const licence = book.account('licence', 'lic_1', { requestsPerSecond: 10, burst: 10, concurrency: 5 })!;
    const org = book.account('org', 'org_1', { requestsPerSecond: 1, burst: 2 })!;
    const both = [licence, org];
    expect([takeRequest(both, now()), takeRequest(both, now())]).toEqual([undefined, undefined]);
    expect(takeRequest(both, now())).toEqual({ kind: 'requests', scope: 'org', retryAfterSeconds: 1 });
    expect([licence.requests!.left(now()), licence.open!.inUse]).toEqual([8, 2]);
    endRequest(both, 0, now());
    expect(licence.open!.inUse).toBe(1);
  });

  it('bounds what is under way and what is open apart: a stream that stands is open only', () => {
    const account = new LimitBook({ clock }).account('app', 'app_1', { concurrency: 1, connectionsMax: 2 })!;
    expect(takeRequest([account], now())).toBeUndefined();
    expect(takeRequest([account], now())).toMatchObject({ kind: 'concurrency', scope: 'app' });
    outlastRequest([account]);
    expect(takeRequest([account], now())).toBeUndefined();
    outlastRequest([account]);
    expect(takeRequest([account], now())).toEqual({ kind: 'connections', scope: 'app', retryAfterSeconds: 1 });
    endRequest([account], 0, now(), true);
    expect([account.open!.inUse, account.connections!.inUse]).toEqual([0, 1]);
    expect(takeRequest([account], now())).toBeUndefined();
    endRequest([account], 0, now());
    expect([account.open!.inUse, account.connections!.inUse]).toEqual([0, 1]);
  });

  it('holds every organisation to what the platform gives it in one process', () => {
    const book = new LimitBook({ clock, orgConnectionsMax: 2 });
    expect(book.account('licence', 'lic_9', {})).toBeUndefined();
    const [without, lower, higher] = [{}, { connectionsMax: 1 }, { connectionsMax: 9 }].map(
      (spec, i) => book.account('org', `org_${i}`, spec)!,
    );
    for (const [account, most] of [
      [without!, 2],
      [lower!, 1],
      [higher!, 2],
    ] as const) {
      for (let i = 0; i < most; i++) expect(takeRequest([account], now())).toBeUndefined();
      expect(takeRequest([account], now())).toMatchObject({ kind: 'connections', scope: 'org' });
      endRequest([account], 0, now());
      expect(takeRequest([account], now())).toBeUndefined();
    }
    const raised = book.account('org', 'org_1', { connectionsMax: 9 })!;
    expect(takeRequest([raised], now())).toBeUndefined();
    expect(takeRequest([raised], now())).toMatchObject({ kind: 'connections' });
    const dropped = book.account('org', 'org_1', {})!;
    expect([dropped.connections!.inUse, dropped.connections!.free()]).toEqual([2, false]);
  });

  it.each([1, 2, 4, 7])('is one budget for all of %i processes, but for rounding', async (processes) => {
    const time = new FakeClock();
    const spec = { requestsPerSecond: 10, burst: 40, concurrency: 10, connectionsMax: 1_000, wakesPerHour: 8 };
    const books = Array.from({ length: processes }, () => new LimitBook({ clock: time, processes }));
    const accounts = books.map((book) => book.account('licence', 'lic_1', spec)!);
    const takeAll = (end: boolean): number => {
      let taken = 0;
      for (const account of accounts)
        while (takeRequest([account], time.monotonicMs()) === undefined) {
          taken++;
          if (end) endRequest([account], 0, time.monotonicMs());
        }
      return taken;
    };
    const rounding = processes - 1;
    expect(takeAll(true)).toBeLessThanOrEqual(40);
    await time.advance(1_000);
    const second = takeAll(true);
    expect([second >= 10 - rounding, second <= 10 + rounding]).toEqual([true, true]);
    await time.advance(60_000);
    const open = takeAll(false);
    expect([open >= 10, open <= 10 + rounding]).toEqual([true, true]);
    let wakes = 0;
    for (const account of accounts) while (takeWake([account], time.monotonicMs()) === undefined) wakes++;
    expect([wakes >= 8 - rounding, wakes <= 8 + rounding]).toEqual([true, true]);
    const none = books.map((book) => book.account('org', 'org_1', { wakesPerHour: 0, concurrency: 0 })!);
    for (const account of none) {
      expect(takeWake([account], time.monotonicMs())).toMatchObject({ kind: 'wakes' });
      expect(takeRequest([account], time.monotonicMs())).toMatchObject({ kind: 'concurrency' });
    }
  });

  it('charges bytes afterwards, and then refuses until they are paid off', async () => {
    const account = new LimitBook({ clock }).account('licence', 'lic_2', { bytesPerDay: 86_400 })!;
    expect(takeRequest([account], now())).toBeUndefined();
    endRequest([account], 86_400 + 9, now());
    expect(takeRequest([account], now())).toEqual({ kind: 'bytes', scope: 'licence', retryAfterSeconds: 10 });
    await clock.advance(10_000);
    expect(takeRequest([account], now())).toBeUndefined();
  });

  it('counts wakes on their own', async () => {
    const account = new LimitBook({ clock }).account('org', 'org_2', { wakesPerHour: 2 })!;
    expect([takeWake([account], now()), takeWake([account], now())]).toEqual([undefined, undefined]);
    expect(takeWake([account], now())).toEqual({ kind: 'wakes', scope: 'org', retryAfterSeconds: 1_800 });
    const none = new LimitBook({ clock }).account('org', 'org_3', { wakesPerHour: 0 })!;
    expect(takeWake([none], now())).toMatchObject({ kind: 'wakes', retryAfterSeconds: 3_600 });
  });

  it('keeps what was used when limits change, and forgets them when they go', () => {
    const book = new LimitBook({ clock });
    const before = book.account('licence', 'lic_3', { requestsPerSecond: 5, burst: 5 })!;
    takeRequest([before], now());
    const after = book.account('licence', 'lic_3', { requestsPerSecond: 5, burst: 8 })!;
    expect(after.requests!.left(now())).toBe(7);
    expect(book.account('licence', 'lic_3', {})).toBeUndefined();
  });

  it('says its policy and what is left as the draft writes it', () => {
    const account = new LimitBook({ clock }).account('licence', 'lic_4', { requestsPerSecond: 10, burst: 25 })!;
    expect(account.policy).toBe('"licence";q=25;w=3');
    takeRequest([account], now());
    expect(limitField('licence', account.requests!.left(now()), account.requests!.spec)).toBe('"licence";r=24;t=1');
  });
});
