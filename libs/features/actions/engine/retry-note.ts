import { z } from 'zod';
import { withoutWatch } from '../steps/watch.js';

/** What the engine keeps in a step's note between two attempts. */
const RetryNote = z.object({ retry: z.object({ failures: z.number().int(), until: z.iso.datetime() }) });

/** Retried tells how often a step has failed, and when it is tried again. */
export interface Retried {
  readonly failures: number;
  readonly until: Date | undefined;
}

/** retriedOf reads what a note says of the attempts before. */
export function retriedOf(noted: unknown): Retried {
  const retry = RetryNote.safeParse(noted).data?.retry;
  return retry ? { failures: retry.failures, until: new Date(retry.until) } : { failures: 0, until: undefined };
}

/** retryNote is the note of a step that has failed and is tried again: what its kind has kept, but for the watch that it begins anew. */
export const retryNote = (noted: unknown, { failures, until }: { failures: number; until: Date }): object => ({
  ...withoutWatch(noted),
  retry: { failures, until: until.toISOString() },
});

/** withRetry adds to what a kind keeps what the engine has kept of the attempts before. */
export function withRetry(value: unknown, before: unknown): unknown {
  const { data } = RetryNote.safeParse(before);
  return data ? { ...(value as object), ...data } : value;
}
