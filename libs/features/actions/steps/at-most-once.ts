import { Fault, hasCode, isFault } from '@nm/kernel/fault';
import { z } from 'zod';
import type { StepContext } from './step-context.js';

/** What is written down before a work that must not be done twice. */
const Begun = z.object({ begun: z.literal(true) });

/** isBegun tells a step that was cut off in such a work: nobody can say what came of it. */
export const isBegun = (noted: unknown): boolean => Begun.safeParse(noted).success;

/** isRefusal tells an error by which the other side says that it did nothing, or how it ended: an answer, or a request that was refused (4xx). */
export function isRefusal(error: unknown): boolean {
  if (!isFault(error)) return false;
  const { status } = error.extra;
  if (error.code === 'kube_api') return typeof status === 'number' && status < 500;
  return error.code === 'step_failed' || error.code === 'cluster_forbidden' || error.code === 'cluster_unauthorized';
}

export interface OnceOptions {
  /** Its author says that doing it twice does no harm: no record is kept. */
  readonly repeatable?: boolean | undefined;
  /** What else is kept in the note beside the record. */
  readonly keep?: object;
  /** Tells an error that settles what happened; see `isRefusal`. */
  readonly settles?: (error: unknown) => boolean;
}

/**
 * atMostOnce writes down that the work begins before it begins. Found again without a result, nobody can say whether it had its effect: it is
 * not done a second time.
 * @param work calls `leave` right before it reaches out, with nothing in between that could take long: what fails earlier has done nothing
 * @throws Fault step_unknown; what the work throws when that settles what happened
 */
export async function atMostOnce<T>(
  context: StepContext,
  work: (leave: () => void) => Promise<T>,
  { repeatable = false, keep = {}, settles = isRefusal }: OnceOptions = {},
): Promise<T> {
  if (repeatable) return work(() => context.guard());
  if (isBegun(context.noted)) throw new Fault('step_unknown');
  await context.note({ ...keep, begun: true });
  let hasLeft = false;
  const leave = () => {
    context.guard();
    hasLeft = true;
  };
  try {
    return await work(leave);
  } catch (error) {
    // Nothing happened, or what happened is known: it may be tried again.
    if (!hasLeft || settles(error)) await context.note(keep);
    else if (!context.signal.aborted)
      throw hasCode(error, 'step_unknown') ? error : new Fault('step_unknown', { cause: error });
    throw error;
  }
}
