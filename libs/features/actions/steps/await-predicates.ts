import { Fault, hasCode } from '@nm/kernel/fault';
import { type JobState, readJob, startChecks } from './kama-door.js';
import { problemOf } from './kama-progress.js';
import { until } from './patience.js';
import type { StepContext } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

/** A check that says nothing for so long is asked for anew. Milliseconds. */
const checkMsMax = 60_000;
const lookMs = 500;

/** Asks the install's KAMA again and again whether predicates hold. */
export const awaitPredicatesKind: StepKindSpec<'await-predicates'> = {
  preview: 'reads',
  needs: () => undefined,
  execute: async ({ predicates, timeoutSeconds }, context) => {
    let last = 'they have not been looked at yet';
    const look = async (): Promise<{ predicates: number } | undefined> => {
      const seen = await checkOnce(predicates, context);
      if (seen !== last) await context.log(seen);
      last = seen;
      return seen === held ? { predicates: predicates.length } : undefined;
    };
    return until(context, timeoutSeconds, look, () => last);
  },
};

const held = 'all predicates hold';

/** checkOnce gives, in words, how the predicates stand. @throws Fault step_failed when the KAMA refuses to look */
async function checkOnce(predicates: readonly unknown[], context: StepContext): Promise<string> {
  try {
    const { status, progress } = await settled(await startChecks(context, predicates), context);
    return status === 'positive' ? held : (problemOf(progress)?.reason ?? 'a predicate does not hold');
  } catch (error) {
    context.signal.throwIfAborted();
    if (!hasCode(error, 'kama_unreachable')) throw error;
    return (error as Fault).publicMessage;
  }
}

async function settled(job: string, context: StepContext): Promise<JobState> {
  const { clock, signal } = context;
  for (const endMs = clock.monotonicMs() + checkMsMax; clock.monotonicMs() < endMs; ) {
    const seen = await readJob(context, job);
    if (seen && seen.status !== 'running') return seen;
    await clock.sleep(lookMs, signal);
  }
  throw new Fault('kama_unreachable', { public: 'The KAMA has not finished looking.' });
}
