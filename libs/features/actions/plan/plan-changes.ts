import type { RunPlan, UndoStep, WorkStep } from '@nm/kernel/contracts';
import { planNodes } from './plan-nodes.js';

/** Kinds of steps that only look. */
const looking: ReadonlySet<string> = new Set([
  'group',
  'approval',
  'await',
  'await-predicates',
  'follow-job',
  'wait',
  'wait-for',
  'wait-for-http',
]);

/** planChanges tells whether a plan may change anything. Such runs take turns on an install, and wait for its maintenance windows. */
export const planChanges = (plan: RunPlan): boolean =>
  planNodes(plan).some(({ step }) => !looking.has(step.kind) && !isGet(step as WorkStep | UndoStep));

const isGet = (step: WorkStep | UndoStep): boolean => step.kind === 'http-request' && step.method === 'GET';

/** onlyLooks tells of a step that it has no effect at all: done twice, it is as if it was done once. */
export const onlyLooks = (step: WorkStep | UndoStep): boolean => looking.has(step.kind);
