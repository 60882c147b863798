import { z } from 'zod';
import { RunPlan } from './plans.js';
import { Id, Instant, PageQuery } from './primitives.js';

export const RunStatus = z.enum(['queued', 'running', 'waiting', 'positive', 'negative', 'cancelled', 'timed_out']);
export type RunStatus = z.infer<typeof RunStatus>;

/** `unknown`: it began, it cannot be done twice, and nobody can say what came of it. */
export const StepStatus = z.enum(['idle', 'running', 'positive', 'negative', 'skipped', 'unknown']);
export type StepStatus = z.infer<typeof StepStatus>;

export const CreateRun = z
  .strictObject({
    action: z.string().min(1).max(120),
    title: z.string().trim().min(1).max(200),
    info: z.string().max(1000).optional(),
    plan: RunPlan,
    timeoutSeconds: z.number().int().min(5).max(7200).default(900),
    idempotencyKey: z.string().min(1).max(120).optional(),
    /** Before or after other runs of the same publisher that wait. */
    priority: z.enum(['low', 'normal', 'high']).optional(),
    /** Only with a licence credential that has several installs. */
    installId: Id.optional(),
  })
  .meta({ id: 'CreateRun' });
export type CreateRun = z.infer<typeof CreateRun>;

export const RunError = z
  .object({
    code: z.string(),
    reason: z.string(),
    fatal: z.boolean().default(true),
    type: z.string().optional(),
    object: z.string().optional(),
    /** With `cluster_forbidden`: each permission that the plan needs and the credential lacks. */
    missing: z.array(z.string()).optional(),
  })
  .meta({ id: 'RunError' });
export type RunError = z.infer<typeof RunError>;

/** ProgressNode is the shape that KAMA clients poll (KAMA job protocol). */
export interface ProgressNode {
  id: string;
  title: string;
  info: string | null;
  status: 'idle' | 'running' | 'positive' | 'negative';
  sub_items: ProgressNode[];
  logs: string[];
  error: RunError | null;
}

export const ProgressNode: z.ZodType<ProgressNode> = z
  .object({
    id: z.string(),
    title: z.string(),
    info: z.string().nullable(),
    status: z.enum(['idle', 'running', 'positive', 'negative']),
    get sub_items() {
      return z.array(ProgressNode);
    },
    logs: z.array(z.string()),
    error: RunError.nullable(),
  })
  .meta({ id: 'ProgressNode' });

export const RunStep = z.object({
  id: Id,
  position: z.number().int(),
  /** Position of the group that holds it, or of the step that it undoes. */
  parent: z.number().int().optional(),
  role: z.enum(['work', 'group', 'undo']),
  kind: z.string(),
  title: z.string(),
  status: StepStatus,
  attempts: z.number().int(),
  error: RunError.optional(),
  output: z.unknown().optional(),
  startedAt: Instant.optional(),
  finishedAt: Instant.optional(),
});
export type RunStep = z.infer<typeof RunStep>;

export const RunLogLine = z.object({
  seq: z.number().int(),
  at: Instant,
  step: z.number().int().optional(),
  line: z.string(),
});
export type RunLogLine = z.infer<typeof RunLogLine>;

export const Run = z
  .object({
    id: Id,
    installId: Id,
    kind: z.enum(['action', 'provision', 'remove']),
    action: z.string(),
    title: z.string(),
    status: RunStatus,
    error: RunError.optional(),
    progress: ProgressNode,
    steps: z.array(RunStep),
    /** The newest lines, oldest first; all of them are in the event stream. */
    logs: z.array(RunLogLine),
    createdAt: Instant,
    startedAt: Instant.optional(),
    finishedAt: Instant.optional(),
    cancelRequestedAt: Instant.optional(),
    /** What a waiting run waits for, and until when. */
    waiting: z.object({ for: z.string(), until: Instant, step: z.number().int().optional() }).optional(),
    /** The run that this one goes on from. */
    retryOf: Id.optional(),
  })
  .meta({ id: 'Run' });
export type Run = z.infer<typeof Run>;

export const RunSummary = z
  .object({
    id: Id,
    installId: Id,
    kind: z.string(),
    action: z.string(),
    title: z.string(),
    status: RunStatus,
    createdAt: Instant,
    finishedAt: Instant.optional(),
  })
  .meta({ id: 'RunSummary' });
export type RunSummary = z.infer<typeof RunSummary>;

/** RunEvent is one line of a run's story; SSE sends `seq` as the event id. */
export const RunEvent = z
  .object({
    seq: z.number().int(),
    at: Instant,
    kind: z.enum(['status', 'step', 'log']),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'RunEvent' });
export type RunEvent = z.infer<typeof RunEvent>;

/** RetryRun: from the step that failed (what was done stays done), or everything again with the same inputs. */
export const RetryRun = z
  .strictObject({
    from: z.enum(['failed', 'start']).default('failed'),
    /** Wanted when a step ended as `unknown`: a person has looked, and says whether it was done. */
    unknownSteps: z.enum(['done', 'repeat']).optional(),
  })
  .meta({ id: 'RetryRun' });
export type RetryRun = z.infer<typeof RetryRun>;

/** DecideApproval answers the step of a run that waits for a person. */
export const DecideApproval = z
  .strictObject({
    step: z.number().int().min(0),
    decision: z.enum(['approved', 'declined']),
    comment: z.string().max(1000).optional(),
  })
  .meta({ id: 'DecideApproval' });
export type DecideApproval = z.infer<typeof DecideApproval>;

/** PauseRuns lets no run begin on a cluster, or lets them begin again. */
export const PauseRuns = z.strictObject({ paused: z.boolean() }).meta({ id: 'PauseRuns' });
export type PauseRuns = z.infer<typeof PauseRuns>;

/** RunQuery pages through runs, of one install on wish. */
export const RunQuery = PageQuery.extend({ installId: Id.optional() });
export type RunQuery = z.infer<typeof RunQuery>;
