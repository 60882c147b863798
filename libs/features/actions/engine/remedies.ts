import type { RemediationOption, UndoStep, WorkStep } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { runErrorOf } from '../run-error.js';

/** withRemedies adds to the fault of a step what the plan's author offers to do about one like it. */
export function withRemedies(fault: Fault, step: WorkStep | UndoStep): Fault {
  const remedies = 'remedies' in step ? (step.remedies ?? []) : [];
  const { code, type } = runErrorOf(fault);
  const remediationOptions = remedies
    .filter(({ match = {} }) => (match.code ?? code) === code && (match.type ?? type) === type)
    .map(({ match: _match, ...option }): RemediationOption => option);
  if (remediationOptions.length === 0) return fault;
  return new Fault(fault.code, {
    public: fault.publicMessage,
    internal: fault.message,
    cause: fault,
    extra: { ...fault.extra, remediationOptions },
  });
}
