import type { PlanStep, StepKind } from '@nm/kernel/contracts';
import { applyManifests } from './apply.js';
import { awaitReady } from './await.js';
import { deleteObjects } from './delete.js';
import type { StepContext, StepExecutor } from './step-context.js';
import { waitForHttp } from './wait-for-http.js';

/** One executor for each kind of step. */
const executors: { readonly [K in StepKind]: StepExecutor<K> } = {
  apply: applyManifests,
  await: awaitReady,
  delete: deleteObjects,
  'wait-for-http': waitForHttp,
};

/** executeStep does a step and returns what it did. */
export const executeStep = (step: PlanStep, context: StepContext): Promise<unknown> =>
  (executors[step.kind] as StepExecutor<StepKind>)(step, context);
