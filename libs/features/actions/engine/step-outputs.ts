import { planNodes } from '../plan/plan-nodes.js';
import type { ClaimedRun } from './claim-run.js';
import type { StepOutputs } from './take-step.js';

/** stepOutputs begins with what earlier claims of the run have recorded. */
export function stepOutputs({ plan, steps }: ClaimedRun): StepOutputs {
  const outputs = new Map(
    steps.filter(({ status }) => status === 'positive').map(({ position, output }) => [position, output]),
  );
  const positions = new Map(
    planNodes(plan).flatMap(({ step, position }) => ('id' in step && step.id ? [[step.id, position]] : [])),
  );
  return {
    set: (position, output) => void outputs.set(position, output),
    of: (id) => outputs.get(positions.get(id) ?? -1),
  };
}
