import type { UndoStep, WorkStep } from '@nm/kernel/contracts';
import { type Fault, isFault, toFault } from '@nm/kernel/fault';
import { ChangeLedger } from '../changes/change-ledger.js';
import { changesOfStep } from '../changes/read-changes.js';
import { resolveReferences } from '../plan/plan-references.js';
import { runErrorOf } from '../run-error.js';
import { isOurs } from '../run-rules.js';
import { askPerson, isAsked } from '../step-in-doubt.js';
import { failuresOf } from '../steps/job-work.js';
import { executeStep } from '../steps/kinds.js';
import { RunWaits } from '../steps/run-waits.js';
import type { StepSession } from '../steps/step-context.js';
import { isParked } from '../steps/watch.js';
import { childRuns } from './child-runs.js';
import type { ClaimedRun, ClaimedStep } from './claim-run.js';
import { clusterAway } from './cluster-away.js';
import { withRemedies } from './remedies.js';
import type { RunControl } from './run-control.js';
import type { RunEngine } from './run-engine.js';
import type { RunLedger } from './run-ledger.js';

/** What the work on a claimed run is done with. */
export interface RunWork {
  readonly engine: RunEngine;
  readonly run: ClaimedRun;
  readonly ledger: RunLedger;
  readonly control: RunControl;
  readonly session: StepSession;
  /** What the steps gave that are done, by position; for those that refer to them. */
  readonly outputs: StepOutputs;
}

/** StepOutputs keeps what steps gave, and finds it by a step's name. */
export interface StepOutputs {
  set(position: number, output: unknown): void;
  of(id: string): unknown;
}

/**
 * takeStep records that the step begins, does it, and records what came of it; a crash anywhere in between only means doing it again.
 * A failure is tried again as the step's `retry` says.
 * @throws RunWaits, or the Fault that the step ended with
 */
export async function takeStep(work: RunWork, found: ClaimedStep, step: WorkStep | UndoStep): Promise<void> {
  const { ledger, control, engine } = work;
  const retry = 'retry' in step ? step.retry : undefined;
  // Notes outlive an attempt: the choice of what to work on is made once, however often the work is tried.
  const notes = { value: found.output };
  const failedBefore = failuresOf(found.output);
  // Taken up again between two looks, it is still the attempt that it was.
  const goesOn = found.status === 'running' && isParked(found.output);
  for (let failures = failedBefore; ; failures++) {
    const attempt = found.attempts + (goesOn ? 0 : 1) + failures - failedBefore;
    try {
      return await attemptStep(work, found, step, { attempt, begins: attempt > found.attempts, notes });
    } catch (error) {
      control.signal.throwIfAborted();
      if (error instanceof RunWaits) throw error;
      if (isFault(error) && isOurs(error.code)) throw error;
      const fault = withRemedies(toFault(error), step);
      const unknown = fault.code === 'step_unknown';
      if (!unknown && retry && failures < retry.times) {
        const pauseSeconds = retry.pauseSeconds * 2 ** failures;
        ledger.log(found.position, `${fault.publicMessage} Trying again in ${pauseSeconds} s.`);
        await engine.clock.sleep(pauseSeconds * 1000, control.signal);
        continue;
      }
      const wait = clusterAway(fault, work.run, engine.clock);
      if (wait) throw wait;
      await recordFailure(work, found, attempt, fault, unknown ? 'unknown' : 'negative');
      if (unknown && !work.run.ending && isAsked(step)) throw askPerson(fault, engine.clock.now());
      throw fault;
    }
  }
}

async function attemptStep(
  { engine, run, ledger, control, session, outputs }: RunWork,
  found: ClaimedStep,
  step: WorkStep | UndoStep,
  {
    attempt,
    begins,
    notes,
  }: { readonly attempt: number; readonly begins: boolean; readonly notes: { value: unknown } },
): Promise<void> {
  const { position, title } = found;
  control.guard();
  if (begins) await ledger.record({ position, title, status: 'running', attempt });
  const output = await executeStep(
    resolveReferences(step, (id) => outputs.of(id)),
    {
      session,
      run,
      position,
      namespace: run.namespace,
      clock: engine.clock,
      egress: engine.egress,
      kama: engine.kamaOf?.(run),
      signal: control.signal,
      noted: notes.value,
      dry: false,
      changes: new ChangeLedger(ledger, engine.clock, { run, position, namespace: run.namespace }),
      children: childRuns(engine, run, position),
      undone: () => engine.db.asSystem((tx) => changesOfStep(tx, run.id, found.parent ?? position)),
      guard: () => control.guard(),
      log: async (line) => ledger.log(position, line),
      note: async (value) => {
        await ledger.note(position, value);
        notes.value = value;
      },
    },
  );
  ledger.recordSoon({ position, title, status: 'positive', attempt, output });
  outputs.set(position, output);
}

async function recordFailure(
  { ledger, control }: RunWork,
  { position, title }: ClaimedStep,
  attempt: number,
  fault: Fault,
  status: 'negative' | 'unknown',
): Promise<void> {
  control.guard();
  await ledger.record({ position, title, status, attempt, error: runErrorOf(fault) });
}
