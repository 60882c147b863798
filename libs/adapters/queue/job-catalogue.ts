import { z } from 'zod';

/** One kind of job: what it carries, where it queues, and the id that makes adding it twice the same as once. */
export interface JobDefinition<P extends z.ZodType = z.ZodType> {
  readonly queue: string;
  readonly payload: P;
  /** Must not hold a colon (BullMQ's separator). While a job with that id exists, adding it again does nothing. */
  readonly id: (payload: z.output<P>) => string;
}

const define = <P extends z.ZodType>(definition: JobDefinition<P>): JobDefinition<P> => definition;

/**
 * jobCatalogue lists every kind of job. A job only says that something is to be done; what is to be done stands in the database,
 * so a job that is lost or comes twice does no harm.
 */
export const jobCatalogue = {
  /** Some worker shall advance the run. `ticket` tells one request for it from the next. */
  'advance-run': define({
    queue: 'runs',
    payload: z.strictObject({ runId: z.string().min(1).max(64), ticket: z.string().min(1).max(64) }),
    id: ({ runId, ticket }) => `${runId}-${ticket}`,
  }),
} as const;

export type JobCatalogue = Readonly<Record<string, JobDefinition>>;
export type Jobs = typeof jobCatalogue;
export type JobName = keyof Jobs;
export type JobPayload<N extends JobName> = z.output<Jobs[N]['payload']>;

/** What the worker tells a handler. */
export interface JobTurn {
  /** Aborts when the worker has to stop. */
  readonly signal: AbortSignal;
  /** False once the worker takes nothing more. */
  readonly takesMore: () => boolean;
}

/** JobHandler does one job. */
export type JobHandler<N extends JobName> = (payload: JobPayload<N>, turn: JobTurn) => Promise<void>;
export type JobHandlers = { readonly [N in JobName]: JobHandler<N> };
