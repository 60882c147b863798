import { z } from 'zod';
import { Condition, StepId } from './plan-conditions.js';
import { AwaitPredicatesStep, FollowJobStep, WaitStep } from './plan-kama-steps.js';
import {
  ApplyStep,
  ApprovalStep,
  AwaitStep,
  DeleteStep,
  EmitEventStep,
  ExecStep,
  HttpRequestStep,
  PatchStep,
  RestartStep,
  RestoreStep,
  RolloutUndoStep,
  RunJobStep,
  RunPodStep,
  ScaleStep,
  VariablesStep,
  WaitForHttpStep,
  WaitForStep,
} from './plan-steps.js';

/** Steps and groups in one plan, however deep. */
export const planStepsMax = 200;
export const planDepthMax = 8;
/** So deep actions may run other actions. */
export const childDepthMax = 3;
const groupStepsMax = 50;
const undoStepsMax = 10;

const Retry = z.strictObject({
  times: z.number().int().min(1).max(10),
  /** Before the first repetition; it doubles with each. */
  pauseSeconds: z.number().int().min(1).max(300).default(5),
});

/** What a step or group may say about its place in the plan. */
const place = {
  /** For the conditions of later steps. */
  id: StepId.optional(),
  /** The step is skipped when this does not hold when its turn comes. */
  when: Condition.optional(),
  /** `continue`: a failure is recorded and the plan goes on. Without it, the plan stops. */
  onError: z.enum(['stop', 'continue']).optional(),
};

/** UndoStep is one of the steps that take back what a step did, when the run fails later. */
export const UndoStep = z
  .discriminatedUnion('kind', [
    ApplyStep,
    AwaitStep,
    DeleteStep,
    PatchStep,
    ScaleStep,
    RestartStep,
    RolloutUndoStep,
    RunJobStep,
    WaitForHttpStep,
    HttpRequestStep,
    WaitForStep,
    EmitEventStep,
    ExecStep,
    RunPodStep,
    VariablesStep,
    RestoreStep,
  ])
  .meta({ id: 'UndoStep' });
export type UndoStep = z.infer<typeof UndoStep>;

/** RemediationOption is a button that clients show beside an error (KAMA contract). `button_action` is what it does, in the client's own words. */
export const RemediationOption = z.strictObject({
  title: z.string().min(1).max(200),
  info: z.string().max(1000).optional(),
  button_action: z.record(z.string().max(100), z.json()),
});
export type RemediationOption = z.infer<typeof RemediationOption>;

/** An option, and the errors that it helps with: by their code, or by Kubernetes' own word (`type`). */
const Remedy = RemediationOption.extend({
  match: z.strictObject({ code: z.string().max(100).optional(), type: z.string().max(100).optional() }).optional(),
});

const work = {
  ...place,
  /** Shown with the step's error, those that match it. */
  remedies: z.array(Remedy).max(10).optional(),
  /** Tried again after a failure. */
  retry: Retry.optional(),
  /** Done, in order, when the run fails after this step was done. Later steps are undone first. */
  undo: z.array(UndoStep).min(1).max(undoStepsMax).optional(),
};

const workSteps = [
  ApplyStep.extend(work),
  AwaitStep.extend(work),
  DeleteStep.safeExtend(work),
  PatchStep.extend(work),
  ScaleStep.extend(work),
  RestartStep.extend(work),
  RolloutUndoStep.extend(work),
  RunJobStep.extend(work),
  WaitForHttpStep.safeExtend(work),
  HttpRequestStep.safeExtend(work),
  WaitForStep.extend(work),
  EmitEventStep.extend(work),
  ExecStep.extend(work),
  RunPodStep.extend(work),
  VariablesStep.safeExtend(work),
  WaitStep.extend(work),
  FollowJobStep.extend(work),
  AwaitPredicatesStep.extend(work),
  ApprovalStep.extend(place),
] as const;

const runActionShape = z.strictObject({
  kind: z.literal('run-action'),
  title: z.string().trim().min(1).max(200),
  ...work,
  /** Name of the action. None that it is part of: that would never end. */
  action: z.string().min(1).max(120),
  timeoutSeconds: z.number().int().min(5).max(7200).default(900),
});

/** RunActionStep runs another action on the same install, as a run of its own, and waits for its end. */
export type RunActionStep = z.infer<typeof runActionShape> & { plan: { steps: PlanStep[] } };
export const RunActionStep = runActionShape
  .extend({
    get plan(): z.ZodType<{ steps: PlanStep[] }> {
      return RunPlan;
    },
  })
  .meta({ id: 'RunActionStep' });

/** WorkStep is a step that does something. */
export type WorkStep = z.infer<(typeof workSteps)[number]> | RunActionStep;
export type StepKind = WorkStep['kind'] | UndoStep['kind'];

const groupShape = z.strictObject({
  kind: z.literal('group'),
  title: z.string().trim().min(1).max(200),
  ...place,
  mode: z.enum(['sequence', 'parallel']).default('sequence'),
});

/** GroupStep holds steps, one after the other or all at once. A parallel group ends when all of its steps have. */
export type GroupStep = z.infer<typeof groupShape> & { steps: PlanStep[] };
export const GroupStep = groupShape
  .extend({
    get steps(): z.ZodType<PlanStep[]> {
      return z.array(PlanStep).min(1).max(groupStepsMax);
    },
  })
  .meta({ id: 'GroupStep' });

export type PlanStep = WorkStep | GroupStep;
export const PlanStep: z.ZodType<PlanStep> = z
  .discriminatedUnion('kind', [...workSteps, RunActionStep, GroupStep])
  .meta({ id: 'PlanStep' });

/** RunPlan is the work of one run: steps one after the other, each perhaps a group of more. */
export const RunPlan = z
  .strictObject({
    steps: z.array(PlanStep).min(1).max(groupStepsMax),
    /** So long, all in all, the run waits for a cluster that cannot be reached; without this it fails. */
    waitForCluster: z.strictObject({ seconds: z.number().int().min(10).max(604_800) }).optional(),
  })
  .meta({ id: 'RunPlan' });
export type RunPlan = { steps: PlanStep[]; waitForCluster?: { seconds: number } | undefined };
