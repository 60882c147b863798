import type { RunError } from '@nm/kernel/contracts';
import { type Code, codes, Fault, toFault } from '@nm/kernel/fault';

const reasonCharsMax = 2_000;

/** runErrorOf says a fault in the words of a run: what went wrong, for people; its code, for programs; which object, when it was one. */
export function runErrorOf(error: unknown): RunError {
  const fault = toFault(error);
  const { object, missing, issues, remediationOptions } = fault.extra;
  return {
    code: fault.code,
    reason: fault.publicMessage.slice(0, reasonCharsMax),
    fatal: true,
    type: typeOf(fault),
    ...(typeof object === 'string' ? { object } : {}),
    ...(Array.isArray(missing) ? { missing: missing.map(String) } : {}),
    ...(Array.isArray(issues) ? { issues } : {}),
    ...(Array.isArray(remediationOptions) ? { remediation_options: remediationOptions } : {}),
  };
}

/** Kubernetes' own word for it where there is one (`Forbidden`, `NoKindMatch`), else our title. */
const typeOf = (fault: Fault): string =>
  typeof fault.extra['reason'] === 'string' ? fault.extra['reason'] : fault.entry.title;

/** faultOfError makes the fault again that a step has ended with. */
export function faultOfError(error: RunError | undefined): Fault {
  const code = error && Object.hasOwn(codes, error.code) ? (error.code as Code) : 'step_failed';
  const { reason, object, missing, issues, type, remediation_options: remediationOptions } = error ?? {};
  return new Fault(code, {
    ...(reason === undefined ? {} : { public: reason }),
    extra: {
      ...(object ? { object } : {}),
      ...(missing ? { missing } : {}),
      ...(issues ? { issues } : {}),
      ...(type ? { reason: type } : {}),
      ...(remediationOptions ? { remediationOptions } : {}),
    },
  });
}
