import { KamaJobId } from '@nm/kernel/contracts';
import { Fault, hasCode } from '@nm/kernel/fault';
import { type JobState, readJob } from './kama-door.js';
import { copyProgress, problemOf, statusLines } from './kama-progress.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';
import { kamaPace, Watch } from './watch.js';

/** So long a KAMA may be away or not know the job: it may be starting. A job that it has forgotten by then was lost with its restart. */
const awayMsMax = 120_000;
const unknownMsMax = 20_000;

/** Follows a job of the install's KAMA until it settles. */
export const followJobKind: StepKindSpec<'follow-job'> = {
  preview: 'reads',
  outputs: ['job', 'status'],
  needs: () => undefined,
  execute: async (step, context) => {
    const job = jobOf(step);
    const watch = new Watch(context);
    if (watch.isNew)
      await context.log(
        `Follows the job ${job} of the KAMA. A run that is cancelled stops following; the job itself goes on.`,
      );
    return follow(job, step.timeoutSeconds, context, watch);
  },
};

function jobOf({ job }: StepOf<'follow-job'>): string {
  const id = KamaJobId.safeParse(job);
  if (id.success) return id.data;
  throw new Fault('step_failed', { public: 'What should be the id of a job is none.', extra: { reason: 'NoJob' } });
}

function follow(job: string, timeoutSeconds: number, context: StepContext, watch: Watch): Promise<unknown> {
  const look = async (): Promise<unknown> => {
    const seen = await lookPastAbsence(job, context, watch);
    if (!seen) return undefined;
    const progress = copyProgress(seen.progress);
    for (const line of statusLines(watch.kept['progress'], progress)) await context.log(line);
    const now = { job, status: seen.status, ...(progress ? { progress } : {}) };
    if (seen.status === 'positive') return now;
    await watch.keep({ ...now, awaySince: undefined });
    if (seen.status === 'negative') throw failed(job, seen);
    return undefined;
  };
  const late = () => `The job ${job} has not ended within ${timeoutSeconds} s.`;
  return watch.until({ pace: kamaPace, timeoutSeconds, forWhat: `the job ${job} of the KAMA`, look, late });
}

function failed(job: string, { progress }: JobState): Fault {
  const { reason, type } = problemOf(progress) ?? {};
  return new Fault('step_failed', {
    public: `The job ${job} of the KAMA failed: ${reason ?? 'it does not say why'}`,
    extra: { reason: type ?? 'JobFailed' },
  });
}

/**
 * lookPastAbsence gives the state of the job; undefined while the KAMA has none to give, and has not had one for only a while.
 * @throws Fault step_failed when that has lasted too long, and what will not change by asking again
 */
async function lookPastAbsence(job: string, context: StepContext, watch: Watch): Promise<JobState | undefined> {
  const { clock, signal } = context;
  let why = 'The KAMA knows no such job.';
  let maxMs = unknownMsMax;
  try {
    const seen = await readJob(context, job);
    if (seen) return seen;
  } catch (error) {
    signal.throwIfAborted();
    if (!hasCode(error, 'kama_unreachable')) throw error;
    why = (error as Fault).publicMessage;
    maxMs = awayMsMax;
  }
  const { awaySince } = watch.kept;
  if (typeof awaySince !== 'string') {
    await context.log(`${why} Asking again.`);
    await watch.keep({ awaySince: clock.now().toISOString() });
    return undefined;
  }
  if (clock.nowMs() - Date.parse(awaySince) <= maxMs) return undefined;
  await watch.keep({ awaySince: undefined });
  const public_ = `${why} What became of the job cannot be told: a KAMA forgets its jobs when it starts anew.`;
  throw new Fault('step_failed', { public: public_, extra: { reason: 'JobLost' } });
}
