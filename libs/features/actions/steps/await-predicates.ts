import { type Fault, hasCode } from '@nm/kernel/fault';
import { readJob, startChecks } from './kama-door.js';
import { problemOf } from './kama-progress.js';
import type { StepContext } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';
import { kamaPace, Watch } from './watch.js';

/** A check that says nothing for so long is asked for anew. Milliseconds. */
const checkMsMax = 60_000;
/** So often a check that has just begun is asked for on the spot: most are done by then. */
const quickLooks = 4;
const quickMs = 500;

/** Asks the install's KAMA again and again whether predicates hold. */
export const awaitPredicatesKind: StepKindSpec<'await-predicates'> = {
  preview: 'reads',
  needs: () => undefined,
  execute: async ({ predicates, timeoutSeconds }, context) => {
    const watch = new Watch(context);
    const lastOf = () => String(watch.kept['last'] ?? 'they have not been looked at yet');
    const look = async (): Promise<{ predicates: number } | undefined> => {
      const seen = await checkOnce(predicates, context, watch);
      if (seen === undefined) return undefined;
      if (seen !== lastOf()) await context.log(seen);
      if (seen === held) return { predicates: predicates.length };
      await watch.keep({ last: seen });
      return undefined;
    };
    const late = () => `Not done within ${timeoutSeconds} s: ${lastOf()}.`;
    return watch.until({ pace: kamaPace, timeoutSeconds, forWhat: 'predicates of the KAMA to hold', look, late });
  },
};

const held = 'all predicates hold';

/** checkOnce gives, in words, how the predicates stand; undefined while the KAMA looks. @throws Fault step_failed when it refuses to look */
async function checkOnce(
  predicates: readonly unknown[],
  context: StepContext,
  watch: Watch,
): Promise<string | undefined> {
  const { clock, signal } = context;
  try {
    const check = checkOf(watch) ?? { job: await startChecks(context, predicates), atMs: clock.nowMs() };
    await watch.keep({ check });
    for (let looks = 0; looks < quickLooks; looks++) {
      const seen = await readJob(context, check.job);
      if (seen && seen.status !== 'running') {
        await watch.keep({ check: undefined });
        return seen.status === 'positive' ? held : (problemOf(seen.progress)?.reason ?? 'a predicate does not hold');
      }
      if (clock.nowMs() - check.atMs > checkMsMax) break;
      if (looks < quickLooks - 1) await clock.sleep(quickMs, signal);
    }
    if (clock.nowMs() - check.atMs <= checkMsMax) return undefined;
    await watch.keep({ check: undefined });
    return 'The KAMA has not finished looking.';
  } catch (error) {
    signal.throwIfAborted();
    if (!hasCode(error, 'kama_unreachable')) throw error;
    return (error as Fault).publicMessage;
  }
}

/** The job that looks at the moment, if one was asked to. */
const checkOf = (watch: Watch) => watch.kept['check'] as { readonly job: string; readonly atMs: number } | undefined;
