import type { StepKind, UndoStep, WorkStep } from '@nm/kernel/contracts';
import type { PlanIssue } from '../plan/plan-issue.js';
import { applyKind } from './apply.js';
import { approvalKind } from './approval.js';
import { awaitKind } from './await.js';
import { awaitPredicatesKind } from './await-predicates.js';
import { deleteKind } from './delete.js';
import { emitEventKind } from './emit-event.js';
import { execKind } from './exec.js';
import { followJobKind } from './follow-job.js';
import { httpRequestKind } from './http-request.js';
import { patchKind } from './patch.js';
import { restartKind } from './restart.js';
import { restoreKind } from './restore.js';
import { rolloutUndoKind } from './rollout-undo.js';
import { runActionKind } from './run-action.js';
import { runJobKind } from './run-job.js';
import { runPodKind } from './run-pod.js';
import { scaleKind } from './scale.js';
import type { StepContext } from './step-context.js';
import type { NeedList, StepKindSpec, StepPreview } from './step-kind.js';
import { variablesKind } from './variables.js';
import { waitKind } from './wait.js';
import { waitForKind } from './wait-for.js';
import { waitForHttpKind } from './wait-for-http.js';

/** The registry of kinds. */
const kinds: { readonly [K in StepKind]: StepKindSpec<K> } = {
  apply: applyKind,
  approval: approvalKind,
  await: awaitKind,
  'await-predicates': awaitPredicatesKind,
  delete: deleteKind,
  'emit-event': emitEventKind,
  exec: execKind,
  'follow-job': followJobKind,
  'http-request': httpRequestKind,
  patch: patchKind,
  restart: restartKind,
  restore: restoreKind,
  'rollout-undo': rolloutUndoKind,
  'run-action': runActionKind,
  'run-job': runJobKind,
  'run-pod': runPodKind,
  scale: scaleKind,
  variables: variablesKind,
  wait: waitKind,
  'wait-for': waitForKind,
  'wait-for-http': waitForHttpKind,
};

/** stepKinds names every kind. */
export const stepKinds = Object.keys(kinds) as readonly StepKind[];

type AnyStep = WorkStep | UndoStep;

const kindOf = (step: AnyStep): StepKindSpec<StepKind> => kinds[step.kind] as unknown as StepKindSpec<StepKind>;

/** checkStep lists what is wrong with a step. */
export const checkStep = (step: AnyStep, path: string): PlanIssue[] => kindOf(step).check?.(step, path) ?? [];

/** needsOfStep lists what a step needs to be allowed. */
export const needsOfStep = async (step: AnyStep, needs: NeedList): Promise<void> => kindOf(step).needs(step, needs);

/** executeStep does a step and returns what it did. */
export const executeStep = (step: AnyStep, context: StepContext): Promise<unknown> =>
  kindOf(step).execute(step, context);

/** leavesWork tells a kind that may leave something at work on the cluster. */
export const leavesWork = (step: AnyStep): boolean => kindOf(step).abandon !== undefined;

/** abandonStep takes away what a step has left at work that its run will not wait for any more. */
export const abandonStep = async (step: AnyStep, context: StepContext): Promise<void> =>
  kindOf(step).abandon?.(step, context);

/** previewOfStep tells how a step is previewed. */
export const previewOfStep = (step: AnyStep): StepPreview => kindOf(step).preview;

/** outputsOfStep lists what later steps may refer to of what a step gives. */
export const outputsOfStep = (step: AnyStep): readonly string[] => kindOf(step).outputs ?? [];
