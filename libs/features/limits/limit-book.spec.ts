import { FakeClock } from '@nm/kernel/time';
import { describe, expect, it } from 'vitest';
import { endRequest, takeRequest, takeWake } from './admit-usage.js';
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

  it('bounds what is open at once, by the lower of concurrency and connections', () => {
    const account = new LimitBook({ clock }).account('app', 'app_1', { concurrency: 9, connectionsMax: 1 })!;
    expect(takeRequest([account], now())).toBeUndefined();
    expect(takeRequest([account], now())).toMatchObject({ kind: 'concurrency', scope: 'app' });
    endRequest([account], 0, now());
    expect(takeRequest([account], now())).toBeUndefined();
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
