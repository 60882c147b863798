import type { UndoStep, WorkStep } from '@nm/kernel/contracts';
import type { Fault } from '@nm/kernel/fault';
import { RunWaits } from './steps/run-waits.js';

/** So long a person has to say what became of a step, in milliseconds. */
const decisionMs = 86_400_000;

/** isAsked tells whether the run waits for a person when this step is in doubt: not where its author says that the plan goes on anyway. */
export const isAsked = (step: WorkStep | UndoStep): boolean => !('onError' in step && step.onError === 'continue');

/** askPerson is what a run waits for that has a step in doubt since then. */
export const askPerson = (fault: Fault, since: Date): RunWaits =>
  new RunWaits(
    new Date(since.getTime() + decisionMs),
    `a person to say what became of a step: ${fault.publicMessage}`,
    { reason: 'decision' },
  );
