import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import type { KamaDoor, StepContext } from './step-context.js';

/** JobState is what a KAMA says of a job; undefined when it knows no such job. */
export interface JobState {
  readonly status: 'running' | 'positive' | 'negative';
  readonly progress: unknown;
}

const Job = z.object({ status: z.string().nullish(), progress: z.unknown().optional() });
/** Older servers answer without `data` around it. */
const JobAnswer = z.union([z.object({ data: Job }).transform(({ data }) => data), Job]);
const Started = z.union([
  z.object({ job_id: z.string() }),
  z.object({ data: z.object({ job_id: z.string() }) }).transform(({ data }) => data),
]);

/** Answers that say what will not change by asking again. */
const settledRefusals = new Set([400, 401, 403, 405, 410, 422]);

/**
 * readJob asks for the state of a job. @throws Fault kama_unreachable when it is worth asking again; step_failed when the KAMA or the gateway refuses
 */
export async function readJob(context: StepContext, jobId: string): Promise<JobState | undefined> {
  const { status, body } = await doorOf(context).ask('GET', `/api/app/jobs/${encodeURIComponent(jobId)}/status`, {
    signal: context.signal,
  });
  if (status === 404) return undefined;
  const job = status === 200 ? JobAnswer.safeParse(body).data : undefined;
  if (!job) throw unexpected(status, body);
  // The oldest servers say null for a job that they do not know.
  if (job.status === null || job.status === undefined) return undefined;
  const settled = job.status === 'positive' || job.status === 'negative';
  return { status: settled ? (job.status as 'positive' | 'negative') : 'running', progress: job.progress };
}

/** startChecks has predicates evaluated, and gives the id of the job that does so. @throws Fault kama_unreachable, step_failed */
export async function startChecks(context: StepContext, predicates: readonly unknown[]): Promise<string> {
  const { status, body } = await doorOf(context).ask('POST', '/api/actions/run_predicates', {
    body: { predicates },
    signal: context.signal,
  });
  const started = status === 200 ? Started.safeParse(body).data : undefined;
  if (!started) throw unexpected(status, body);
  return started.job_id;
}

function doorOf({ kama }: StepContext): KamaDoor {
  if (!kama) throw new Fault('kama_unreachable', { internal: 'this worker has no way to a gateway' });
  return kama;
}

function unexpected(status: number, body: unknown): Fault {
  const { code, title, detail, error, reason } = (body ?? {}) as Record<string, unknown>;
  const words = [detail, reason, title, error, code].find((text) => typeof text === 'string') ?? 'nothing more is said';
  const public_ = `The KAMA answered ${status}: ${String(words).slice(0, 500)}`;
  const extra = { reason: typeof code === 'string' ? code : `Http${status}` };
  return new Fault(settledRefusals.has(status) ? 'step_failed' : 'kama_unreachable', { public: public_, extra });
}
