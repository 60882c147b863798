import { describe, expect, it } from 'vitest';
import { backoffMs } from './backoff.js';
import { FakeClock } from './fake-clock.js';

describe('FakeClock', () => {
  it('wakes sleepers in the order of their due times, at their times', async () => {
    const clock = new FakeClock(0);
    const woken: string[] = [];
    const sleeper = (name: string, ms: number) => clock.sleep(ms).then(() => woken.push(`${name}@${clock.nowMs()}`));
    const all = Promise.all([sleeper('late', 500), sleeper('early', 100), sleeper('middle', 300)]);
    await clock.advance(1_000);
    await all;
    expect(woken).toEqual(['early@100', 'middle@300', 'late@500']);
    expect(clock.nowMs()).toBe(1_000);
  });

  it('rejects a sleeper whose signal aborts, and never wakes it', async () => {
    const clock = new FakeClock(0);
    const controller = new AbortController();
    const sleep = clock.sleep(100, controller.signal);
    controller.abort(new Error('stop'));
    await expect(sleep).rejects.toThrow('stop');
    await clock.advance(200);
  });
});

describe('backoffMs', () => {
  it('doubles up to the cap and jitters within the upper half', () => {
    expect([1, 2, 3, 10].map((attempt) => backoffMs(attempt, 100, 1_000, 1))).toEqual([100, 200, 400, 1_000]);
    expect(backoffMs(3, 100, 1_000, 0)).toBe(200);
    expect(backoffMs(1_000, 100, 60_000, 0.5)).toBe(45_000);
  });
});
