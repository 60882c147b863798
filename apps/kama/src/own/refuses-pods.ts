import type { UndoStep, WorkStep } from '@nm/kernel/contracts';

const inPods: ReadonlySet<string> = new Set(['exec', 'run-pod', 'run-job']);

/** refusesPods says why a prototype, whose cluster is memory, does not do a step: nothing runs there, and nothing answers. */
export function refusesPods(step: WorkStep | UndoStep): string | undefined {
  if (inPods.has(step.kind)) return `A prototype has no pods to run a command in (${step.kind}).`;
  if ('service' in step && step.service) return `A prototype has no services that would answer (${step.kind}).`;
  return undefined;
}
