import { describe, expect, it } from 'vitest';
import { aStepContext } from '../test/a-step-context.js';
import { RunWaits } from './run-waits.js';
import { waitKind } from './wait.js';

const step = (seconds: number) => ({ kind: 'wait' as const, title: 'Wait', seconds });

describe('a wait', () => {
  it('that is short is waited for on the spot, and its end written down first', async () => {
    const context = aStepContext();
    const endMs = context.clock.nowMs() + 7_000;
    await waitKind.execute(step(7), context);
    expect(context.clock.nowMs()).toBe(endMs);
    expect(context.notes).toEqual([{ until: new Date(endMs).toISOString() }]);
  });

  it('that is long gives the run back until its end', async () => {
    const context = aStepContext();
    const until = new Date(context.clock.nowMs() + 3_600_000);
    const wait = await waitKind.execute(step(3_600), context).catch((error: unknown) => error);
    expect(wait).toBeInstanceOf(RunWaits);
    expect(wait).toMatchObject({ until, reason: 'time' });
  });

  it('begun by a worker that died ends when it would have', async () => {
    const context = aStepContext();
    const until = new Date(context.clock.nowMs() + 2_000).toISOString();
    await waitKind.execute(step(3_600), { ...context, noted: { until } });
    expect(context.clock.now().toISOString()).toBe(until);
    expect(context.notes).toEqual([]);
  });
});
