import { describe, expect, it } from 'vitest';
import { LoadLimit } from './load-limit.js';

const fill = (limit: LoadLimit, tenant: string, count: number): number => {
  let entered = 0;
  for (let i = 0; i < count; i++) if (limit.enter(tenant)) entered++;
  return entered;
};

const standingDelay = (limit: LoadLimit): void => {
  for (let i = 0; i < 3; i++) limit.tick(200);
};

describe('LoadLimit', () => {
  it('lets everybody in while the event loop is in time', () => {
    const limit = new LoadLimit();
    limit.tick(5);
    expect(fill(limit, 'a', 5_000)).toBe(5_000);
  });

  it('comes down to less than what is under way when it is late, and goes up again', () => {
    const limit = new LoadLimit();
    fill(limit, 'a', 1_000);
    limit.tick(200);
    limit.tick(200);
    limit.tick(0);
    expect(limit.enter('a')).toBe(true);
    limit.leave('a');
    standingDelay(limit);
    expect(limit.limit).toBe(800);
    expect(limit.enter('a')).toBe(false);
    for (let i = 0; i < 300; i++) limit.leave('a');
    expect(limit.enter('a')).toBe(true);
    for (let i = 0; i < 100; i++) limit.tick(0);
    expect(limit.limit).toBeGreaterThan(10_000);
  });

  it('never shuts the door altogether', () => {
    const limit = new LoadLimit();
    for (let i = 0; i < 50; i++) limit.tick(500);
    expect(fill(limit, 'a', 400)).toBe(256);
  });

  it('refuses who has more than its share first', () => {
    const limit = new LoadLimit();
    fill(limit, 'greedy', 1_000);
    fill(limit, 'small', 10);
    standingDelay(limit);
    for (let i = 0; i < 250; i++) limit.leave('greedy');
    expect(limit.enter('greedy')).toBe(false);
    expect(limit.enter('small')).toBe(true);
    expect(limit.enter('new')).toBe(true);
  });

  it('forgets a tenant that left', () => {
    const limit = new LoadLimit();
    fill(limit, 'a', 3);
    for (let i = 0; i < 3; i++) limit.leave('a');
    expect(limit.inFlight).toBe(0);
  });
});
