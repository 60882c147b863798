import { KamaJobId } from '@nm/kernel/contracts';
import { Fault, hasCode } from '@nm/kernel/fault';
import { type JobState, readJob } from './kama-door.js';
import { copyProgress, problemOf, statusLines } from './kama-progress.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

/** Between two looks: quick at first, for short jobs. Milliseconds. */
const lookMs = [500, 1_000, 1_000, 2_000, 2_000, 3_000];
const lookMsMax = 5_000;
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
    await context.log(`Follows the job ${job} of the KAMA`);
    try {
      return await follow(job, step.timeoutSeconds, context);
    } catch (error) {
      if (context.signal.aborted) await context.log('The job itself goes on: a KAMA cannot be asked to stop one.');
      throw error;
    }
  },
};

function jobOf({ job }: StepOf<'follow-job'>): string {
  const id = KamaJobId.safeParse(job);
  if (id.success) return id.data;
  throw new Fault('step_failed', { public: 'What should be the id of a job is none.', extra: { reason: 'NoJob' } });
}

async function follow(job: string, timeoutSeconds: number, context: StepContext): Promise<unknown> {
  const { clock, signal } = context;
  const endMs = clock.monotonicMs() + timeoutSeconds * 1000;
  const absence = new Absence(context);
  let kept: unknown;
  for (let looks = 0; ; looks++) {
    const seen = await absence.around(() => readJob(context, job));
    if (seen) {
      const progress = copyProgress(seen.progress);
      for (const line of statusLines((kept as { progress?: unknown } | undefined)?.progress, progress))
        await context.log(line);
      const now = { job, status: seen.status, ...(progress ? { progress } : {}) };
      if (JSON.stringify(now) !== JSON.stringify(kept)) await context.note(now);
      kept = now;
      if (seen.status === 'positive') return now;
      if (seen.status === 'negative') throw failed(job, seen);
    }
    const waitMs = lookMs[looks] ?? lookMsMax;
    if (clock.monotonicMs() + waitMs > endMs)
      throw new Fault('run_timeout', { public: `The job ${job} has not ended within ${timeoutSeconds} s.` });
    await clock.sleep(waitMs, signal);
  }
}

function failed(job: string, { progress }: JobState): Fault {
  const { reason, type } = problemOf(progress) ?? {};
  return new Fault('step_failed', {
    public: `The job ${job} of the KAMA failed: ${reason ?? 'it does not say why'}`,
    extra: { reason: type ?? 'JobFailed' },
  });
}

/** Absence tells for how long a KAMA has given no state of the job, and gives up after a while. */
class Absence {
  readonly #context: StepContext;
  #since: number | undefined;

  constructor(context: StepContext) {
    this.#context = context;
  }

  /** @throws Fault step_failed when it has lasted too long, and what will not change by asking again */
  async around(look: () => Promise<JobState | undefined>): Promise<JobState | undefined> {
    const { clock, signal } = this.#context;
    let why = 'The KAMA knows no such job.';
    let maxMs = unknownMsMax;
    try {
      const seen = await look();
      if (seen) {
        this.#since = undefined;
        return seen;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!hasCode(error, 'kama_unreachable')) throw error;
      why = (error as Fault).publicMessage;
      maxMs = awayMsMax;
    }
    const nowMs = clock.monotonicMs();
    if (this.#since === undefined) await this.#context.log(`${why} Asking again.`);
    this.#since ??= nowMs;
    if (nowMs - this.#since <= maxMs) return undefined;
    const public_ = `${why} What became of the job cannot be told: a KAMA forgets its jobs when it starts anew.`;
    throw new Fault('step_failed', { public: public_, extra: { reason: 'JobLost' } });
  }
}
