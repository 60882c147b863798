import { patiently } from './patience.js';
import type { StepContext } from './step-context.js';
import { conditionPace, Watch, type WatchOptions } from './watch.js';

interface SettleOptions<T> extends Omit<WatchOptions<T>, 'pace'> {
  /** What the step has kept, when it has kept something since it was taken up. */
  readonly noted?: unknown;
}

/**
 * untilSettled waits for what objects or addresses come to. Looks come quickly at first; for what takes longer the run is given back between two of them, so that waiting holds no
 * worker. A cluster that does not answer for a moment is put up with.
 * @throws RunWaits; Fault run_timeout after `timeoutSeconds`, by the wall clock, however many workers have looked; what the look throws
 */
export const untilSettled = <T>(
  context: StepContext,
  { noted = context.noted, look, late, timeoutSeconds, ...more }: SettleOptions<T>,
): Promise<T> =>
  new Watch(context, noted).until({
    ...more,
    ...{ pace: conditionPace, timeoutSeconds },
    look: () => patiently(context, look),
    late: () => `Not done within ${timeoutSeconds} s: ${late()}.`,
  });

/** keptOf is what an earlier look has kept under this name. */
export const keptOf = (noted: unknown, name: string): unknown =>
  typeof noted === 'object' && noted !== null ? (noted as Record<string, unknown>)[name] : undefined;

/** lastOf is what an earlier look has seen, in words: it is not said again. */
export const lastOf = (noted: unknown): string => String(keptOf(noted, 'last') ?? 'not looked at yet');
