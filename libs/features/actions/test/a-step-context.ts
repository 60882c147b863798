import type { Clock } from '@nm/kernel/time';
import { RunWaits } from '../steps/run-waits.js';
import type { StepContext } from '../steps/step-context.js';

export interface ToldContext extends StepContext {
  readonly lines: string[];
  readonly notes: unknown[];
}

/** aClock passes time by itself: whoever sleeps wakes at once, so much later. */
export function aClock(startMs = Date.UTC(2026, 0, 1)): Clock {
  let passedMs = 0;
  const now = () => new Date(startMs + passedMs);
  return {
    now,
    nowMs: () => now().getTime(),
    monotonicMs: () => passedMs,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      passedMs += ms;
    },
  } as Clock;
}

/** aStepContext is what a step works with that touches no cluster; it keeps what the step says and notes. */
export function aStepContext(own: Partial<StepContext> = {}): ToldContext {
  const lines: string[] = [];
  const notes: unknown[] = [];
  return {
    ...{ run: { id: 'run_1', fence: 1 }, position: 0, namespace: 'shop', dry: false, noted: null, clock: aClock() },
    signal: new AbortController().signal,
    guard: () => undefined,
    log: async (line: string) => void lines.push(line),
    note: async (output: unknown) => void notes.push(output),
    ...own,
    lines,
    notes,
  } as unknown as ToldContext;
}

/**
 * resumed does a step as the engine does: each time that it gives its run back, it is done anew at the time that it wanted, by another worker that knows only the last note.
 * @param parked told of each wait
 */
export async function resumed(
  execute: (context: StepContext) => Promise<unknown>,
  context: ToldContext,
  parked: (wait: RunWaits) => void = () => undefined,
): Promise<unknown> {
  for (let { noted } = context; ; noted = JSON.parse(JSON.stringify(context.notes.at(-1)))) {
    try {
      return await execute({ ...context, noted });
    } catch (error) {
      if (!(error instanceof RunWaits)) throw error;
      parked(error);
      await context.clock.sleep(error.until.getTime() - context.clock.nowMs());
    }
  }
}
