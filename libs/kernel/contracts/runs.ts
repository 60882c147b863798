import { z } from 'zod';
import { ObjectRef } from './plan-objects.js';
import { RemediationOption, RunPlan } from './plans.js';
import { Id, Instant, PageQuery } from './primitives.js';

export const RunStatus = z.enum(['queued', 'running', 'waiting', 'positive', 'negative', 'cancelled', 'timed_out']);
export type RunStatus = z.infer<typeof RunStatus>;

/** Why a run waits: for a person, for its cluster to answer, for a maintenance window, for another run that is a step of it, for time to pass, for what its install's KAMA does, or for objects, Jobs or addresses to come to the state that a step waits for. */
export const WaitReason = z.enum([
  'approval',
  'cluster_offline',
  'window',
  'run',
  'decision',
  'time',
  'kama',
  'condition',
]);
export type WaitReason = z.infer<typeof WaitReason>;

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
    /** Places in the plan that are at fault. */
    issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    /** What the author of the plan offers to do about it. */
    remediation_options: z.array(RemediationOption).optional(),
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

/** What a person said of a step in doubt. */
export const StepDecision = z.object({
  outcome: z.enum(['done', 'failed', 'repeat']),
  by: z.string(),
  at: Instant,
  comment: z.string().optional(),
});
export type StepDecision = z.infer<typeof StepDecision>;

/** One field of an object before and after; `path` is a JSON pointer (RFC 6901). Values of secrets are `(hidden)`. */
export const ChangedField = z.object({ path: z.string(), from: z.unknown().optional(), to: z.unknown().optional() });
export type ChangedField = z.infer<typeof ChangedField>;

const changeVerb = z.enum(['created', 'changed', 'deleted', 'unknown']);

/** RunChange is one object that a step of a run has changed. `unknown`: the write was cut off, and may have had its effect. */
export const RunChange = z
  .object({
    id: Id,
    step: z.number().int(),
    object: ObjectRef,
    verb: changeVerb,
    versionBefore: z.string().optional(),
    versionAfter: z.string().optional(),
    /** Absent when nobody knows any more what the object was before. */
    fields: z.array(ChangedField).optional(),
    /** There is more than is kept. */
    truncated: z.boolean(),
    at: Instant,
  })
  .meta({ id: 'RunChange' });
export type RunChange = z.infer<typeof RunChange>;

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
  decision: StepDecision.optional(),
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
    /** How many in a hundred of its steps have ended; undo steps do not count. */
    percent: z.number().int().min(0).max(100),
    steps: z.array(RunStep),
    /** The newest lines, oldest first; all of them are in the event stream. */
    logs: z.array(RunLogLine),
    createdAt: Instant,
    startedAt: Instant.optional(),
    finishedAt: Instant.optional(),
    cancelRequestedAt: Instant.optional(),
    /** Of a queued run: whom it waits for, the first of them first, and whether the owner of the cluster lets no run begin there. */
    queue: z
      .object({
        ahead: z.array(z.object({ run: Id, title: z.string(), status: RunStatus })),
        clusterPaused: z.boolean(),
      })
      .optional(),
    /** What a waiting run waits for, and until when. */
    waiting: z
      .object({
        reason: WaitReason,
        for: z.string(),
        since: Instant.optional(),
        until: Instant,
        step: z.number().int().optional(),
      })
      .optional(),
    /** False when the plan only looks; such a run waits for no other, and no other for it. */
    changing: z.boolean(),
    /** Who started it: a licence, an install or a schedule by its id, or `nmachine`. */
    startedBy: z.string(),
    scheduleId: Id.optional(),
    /** The run that this one goes on from. */
    retryOf: Id.optional(),
    /** The run, and its step, that this one is a part of. */
    parent: z.object({ run: Id, step: z.number().int() }).optional(),
    /** What it has changed on the cluster: how many objects, and the first of them. `GET /v1/runs/:id/changes` has all, with their fields. */
    changes: z.object({
      count: z.number().int(),
      first: z.array(z.object({ step: z.number().int(), verb: changeVerb, object: ObjectRef })),
    }),
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
    startedBy: z.string(),
    scheduleId: Id.optional(),
    createdAt: Instant,
    startedAt: Instant.optional(),
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

/** DecideStep says what became of a step that ended as `unknown`: it was done, it failed, or it is to be done once more. */
export const DecideStep = z
  .strictObject({
    step: z.number().int().min(0),
    outcome: z.enum(['done', 'failed', 'repeat']),
    comment: z.string().max(1000).optional(),
  })
  .meta({ id: 'DecideStep' });
export type DecideStep = z.infer<typeof DecideStep>;

/** PauseRuns lets no run begin on a cluster, or lets them begin again. */
export const PauseRuns = z.strictObject({ paused: z.boolean() }).meta({ id: 'PauseRuns' });
export type PauseRuns = z.infer<typeof PauseRuns>;

const statusList = z
  .string()
  .max(200)
  .transform((text) => text.split(','))
  .pipe(z.array(RunStatus).min(1).max(7));

const runFilter = {
  installId: Id.optional(),
  /** One or more, with commas between. */
  status: statusList.optional(),
  action: z.string().min(1).max(120).optional(),
  /** Who started it: the id of a licence, an install or a schedule, or `nmachine`. */
  who: Id.optional(),
  scheduleId: Id.optional(),
  /** Created at this time or after. */
  from: Instant.optional(),
  /** Created before this time. */
  to: Instant.optional(),
  /** Somewhere in title, action or info, in whatever case. */
  text: z.string().trim().min(1).max(200).optional(),
};

export const RunFilter = z.object(runFilter);
export type RunFilter = z.infer<typeof RunFilter>;

/** RunQuery pages through runs: the oldest first, or the newest. */
export const RunQuery = PageQuery.extend({ ...runFilter, order: z.enum(['oldest', 'newest']).optional() });
export type RunQuery = z.infer<typeof RunQuery>;

/** PreviewedStep is what a step of a plan would do now. */
export const PreviewedStep = z.object({
  position: z.number().int(),
  path: z.string(),
  role: z.enum(['work', 'group', 'undo']),
  kind: z.string(),
  title: z.string(),
  /** `changes` and `unchanged`: tried by dry runs. `reads`: changes nothing. `unknown`: cannot be previewed, `why` says it. `fails`: the cluster refuses it now. */
  outcome: z.enum(['changes', 'unchanged', 'reads', 'unknown', 'fails']),
  why: z.string().optional(),
  error: RunError.optional(),
  changes: z.array(RunChange.omit({ id: true, step: true, at: true })),
  /** Earlier steps that change the same objects: shown is what this one would do to them as they are now. */
  after: z.array(z.number().int()).optional(),
});
export type PreviewedStep = z.infer<typeof PreviewedStep>;

/** MissingPermission is one that a plan needs and nobody has granted; `paths` are the steps that need it. */
export const MissingPermission = z.object({ permission: z.string(), paths: z.array(z.string()) });
export type MissingPermission = z.infer<typeof MissingPermission>;

/** RunPreview is what a run would do, and what it is not allowed to. Nothing was stored or changed. */
export const RunPreview = z
  .object({
    installId: Id,
    action: z.string(),
    /** Permissions that the plan needs and the install lacks; a run would end before its first change. */
    missing: z.array(MissingPermission),
    steps: z.array(PreviewedStep),
  })
  .meta({ id: 'RunPreview' });
export type RunPreview = z.infer<typeof RunPreview>;
/** ExportRuns takes all runs that a filter finds, as NDJSON or CSV. */
export const ExportRuns = RunFilter.extend({ format: z.enum(['ndjson', 'csv']).default('ndjson') });
export type ExportRuns = z.infer<typeof ExportRuns>;
