import { describe, expect, it } from 'vitest';
import { LoadLimit, type Share } from './load-limit.js';

const fill = (limit: LoadLimit, tenant: string, count: number): Share[] =>
  Array.from({ length: count }, () => limit.enter(tenant)).filter((share) => share !== undefined);
const leave = (limit: LoadLimit, shares: readonly Share[]): void => {
  for (const share of shares) limit.leave(share);
};

const standingDelay = (limit: LoadLimit): void => {
  for (let i = 0; i < 3; i++) limit.tick(200);
};

describe('LoadLimit', () => {
  it('lets everybody in while the event loop is in time', () => {
    const limit = new LoadLimit();
    limit.tick(5);
    expect(fill(limit, 'a', 5_000)).toHaveLength(5_000);
  });

  it('comes down to less than what is under way when it is late, and goes up again', () => {
    const limit = new LoadLimit();
    const shares = fill(limit, 'a', 1_000);
    limit.tick(200);
    limit.tick(200);
    limit.tick(0);
    const last = limit.enter('a');
    expect(last).toBeDefined();
    limit.leave(last!);
    standingDelay(limit);
    expect(limit.limit).toBe(800);
    expect(limit.enter('a')).toBeUndefined();
    leave(limit, shares.slice(0, 300));
    expect(limit.enter('a')).toBeDefined();
    for (let i = 0; i < 100; i++) limit.tick(0);
    expect(limit.limit).toBeGreaterThan(10_000);
  });

  it('never shuts the door altogether', () => {
    const limit = new LoadLimit();
    for (let i = 0; i < 50; i++) limit.tick(500);
    expect(fill(limit, 'a', 400)).toHaveLength(256);
  });

  it('refuses who has more than its share first', () => {
    const limit = new LoadLimit();
    const greedy = fill(limit, 'greedy', 1_000);
    fill(limit, 'small', 10);
    standingDelay(limit);
    leave(limit, greedy.slice(0, 250));
    expect(limit.enter('greedy')).toBeUndefined();
    expect(limit.enter('small')).toBeDefined();
    expect(limit.enter('new')).toBeDefined();
  });

  it('forgets a tenant that left', () => {
    const limit = new LoadLimit();
    leave(limit, fill(limit, 'a', 3));
    expect(limit.inFlight).toBe(0);
    // Near the limit two tenants share it; one that left counts no more.
    const shares = fill(limit, 'b', 1_000);
    standingDelay(limit);
    leave(limit, shares.slice(0, 250));
    expect(limit.enter('b')).toBeDefined();
  });
});
