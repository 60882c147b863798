import { describe, expect, it } from 'vitest';
import { ConcurrencyLimit } from './concurrency-limit.js';

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('ConcurrencyLimit', () => {
  it('never runs more than its maximum, and runs everything in order', async () => {
    const limit = new ConcurrencyLimit(3);
    let running = 0;
    let most = 0;
    const started: number[] = [];
    const work = (index: number) =>
      limit.run(async () => {
        started.push(index);
        most = Math.max(most, ++running);
        await settle();
        running--;
      });
    await Promise.all(Array.from({ length: 20 }, (_, index) => work(index)));
    expect(most).toBe(3);
    expect(started).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  it('lets go of who no longer wants to wait, and of nobody else', async () => {
    const limit = new ConcurrencyLimit(1);
    let free: () => void = () => undefined;
    const first = limit.run(() => new Promise<void>((resolve) => (free = resolve)));
    const stop = new AbortController();
    const second = limit.run(async () => 'second', stop.signal);
    const third = limit.run(async () => 'third');
    stop.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    free();
    await first;
    expect(await third).toBe('third');
  });

  it('halves when told that it is too much, and grows back', () => {
    const limit = new ConcurrencyLimit(16);
    limit.shrink();
    expect(limit.allowed).toBe(8);
    for (let i = 0; i < 10; i++) limit.shrink();
    expect(limit.allowed).toBe(1);
    for (let i = 0; i < 1000; i++) limit.grow();
    expect(limit.allowed).toBe(16);
  });
});
