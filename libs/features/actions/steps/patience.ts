import { Fault, isFault } from '@nm/kernel/fault';
import { randomFraction } from '@nm/kernel/ids';
import { backoffMs } from '@nm/kernel/time';
import type { StepContext } from './step-context.js';

/** So long a step puts up with a cluster that does not answer, in milliseconds. */
const patienceMs = 60_000;

/** isPassing tells what may be gone in a moment: no connection, an overloaded or restarting API server. */
export function isPassing(error: unknown): boolean {
  if (!isFault(error)) return false;
  if (error.code === 'cluster_unreachable') return true;
  const { status } = error.extra;
  return error.code === 'kube_api' && typeof status === 'number' && (status === 429 || status >= 500);
}

/** patiently does idempotent work again while the cluster is away for a moment, and says so in the log. @throws what the work throws */
export async function patiently<T>(context: StepContext, work: () => Promise<T>): Promise<T> {
  const { clock, signal } = context;
  const beganMs = clock.monotonicMs();
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!isPassing(error) || clock.monotonicMs() - beganMs > patienceMs) throw error;
      if (attempt === 1) await context.log(`${(error as Fault).publicMessage} Trying again.`);
      await clock.sleep(backoffMs(attempt, 250, 5_000, randomFraction()), signal);
    }
  }
}

/** Looks come quickly at first, for what is there at once, and then every two seconds. */
const lookMs = [250, 250, 500, 500, 1_000, 1_000, 2_000];

/**
 * until looks again and again until the look gives something. @param late says, for people, what is still missing
 * @throws Fault run_timeout after `timeoutSeconds`
 */
export async function until<T>(
  context: StepContext,
  timeoutSeconds: number,
  look: () => Promise<T | undefined>,
  late: () => string,
): Promise<T> {
  const { clock, signal } = context;
  const endMs = clock.monotonicMs() + timeoutSeconds * 1000;
  for (let looks = 0; ; looks++) {
    const found = await patiently(context, look);
    if (found !== undefined) return found;
    const waitMs = lookMs[Math.min(looks, lookMs.length - 1)] ?? 2_000;
    if (clock.monotonicMs() + waitMs > endMs)
      throw new Fault('run_timeout', { public: `Not done within ${timeoutSeconds} s: ${late()}.` });
    await clock.sleep(waitMs, signal);
  }
}
