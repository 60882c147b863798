import { z } from 'zod';
import { type Dict, mergeAll } from '../values/dict.js';

const assigned = z.record(z.string(), z.unknown());

/** StepState is what one step of an operation was given. What goes inline, such as secrets, is never part of it. */
const StepState = z.strictObject({
  step: z.string().max(300),
  standard: assigned,
  state: assigned,
  prefs: assigned,
  job_id: z.string().max(100).nullable(),
});

/**
 * OperationState is how far somebody has come in an operation. It is data: whoever keeps it (the Kamafile, a database) gives it back with the next
 * request, to any process. Its `state` may hold secrets that the operation asked for: keep it sealed.
 */
export const OperationState = z.strictObject({
  id: z.string().max(100),
  operation: z.string().max(300),
  status: z.enum(['running', 'positive', 'negative']),
  steps: z.array(StepState).max(200),
});
export type OperationState = z.infer<typeof OperationState>;

/** newOperationState begins an operation. */
export const newOperationState = (id: string, operation: string): OperationState => ({
  id,
  operation,
  status: 'running',
  steps: [],
});

/** Buckets are typed values by where they go. */
export interface Buckets {
  /** Variables that are kept. */
  readonly standard: Record<string, unknown>;
  /** Variables for this one templating. */
  readonly inline: Record<string, unknown>;
  /** Kept within the operation. */
  readonly state: Record<string, unknown>;
  readonly prefs: Record<string, unknown>;
}

/** withStep notes what a step was given, in place of what it was given before. */
export const withStep = (
  state: OperationState,
  step: string,
  buckets: Buckets,
  jobId: string | null = null,
): OperationState => ({
  ...state,
  steps: [
    ...state.steps.filter((each) => each.step !== step),
    { step, standard: buckets.standard, state: buckets.state, prefs: buckets.prefs, job_id: jobId },
  ],
});

/** withJob notes which run carries a step out. */
export const withJob = (state: OperationState, step: string, jobId: string): OperationState => ({
  ...state,
  steps: state.steps.map((each) => (each.step === step ? { ...each, job_id: jobId } : each)),
});

/** withStatus ends an operation, or opens it again. */
export const withStatus = (state: OperationState, status: OperationState['status']): OperationState => ({
  ...state,
  status,
});

/** assignedSoFar is all that the steps were given, the later ones on top. */
export const assignedSoFar = (state: OperationState | undefined): Dict =>
  mergeAll((state?.steps ?? []).flatMap(({ standard, state: kept, prefs }) => [standard, kept, prefs]));
