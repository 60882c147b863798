import type { UndoStep, WorkStep } from '@nm/kernel/contracts';
import { Fault, isFault, toFault } from '@nm/kernel/fault';
import { ChangeLedger } from '../changes/change-ledger.js';
import { changesOfStep } from '../changes/read-changes.js';
import { onlyLooks } from '../plan/plan-changes.js';
import { resolveReferences } from '../plan/plan-references.js';
import { runErrorOf } from '../run-error.js';
import { isOurs } from '../run-rules.js';
import { askPerson, isAsked } from '../step-in-doubt.js';
import { abandonStep, executeStep, leavesWork } from '../steps/kinds.js';
import { RunWaits } from '../steps/run-waits.js';
import type { StepContext, StepSession } from '../steps/step-context.js';
import { isParked } from '../steps/watch.js';
import { childRuns } from './child-runs.js';
import type { ClaimedRun, ClaimedStep } from './claim-run.js';
import { clusterAway } from './cluster-away.js';
import { withRemedies } from './remedies.js';
import { retriedOf, retryNote, withRetry } from './retry-note.js';
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

/** A pause before the next attempt that is longer than this holds no worker. Milliseconds. */
const pauseHeldMsMax = 5_000;

/**
 * takeStep records that the step begins, does it, and records what came of it; a crash anywhere in between only means doing it again.
 * A failure is tried again as the step's `retry` says: how often it has failed is written down, and a long pause gives the run back.
 * @throws RunWaits, or the Fault that the step ended with
 */
export async function takeStep(work: RunWork, found: ClaimedStep, step: WorkStep | UndoStep): Promise<void> {
  const { ledger, control, engine } = work;
  // Notes outlive an attempt: the choice of what to work on is made once, however often the work is tried.
  const notes: StepNotes = { value: found.output };
  const before = retriedOf(found.output);
  if (found.status === 'running') await pause(work, step, before.until);
  // Taken up again between two looks, it is still the attempt that it was.
  const goesOn = found.status === 'running' && isParked(found.output);
  for (let { failures } = before; ; ) {
    const attempt = found.attempts + (goesOn ? 0 : 1) + failures - before.failures;
    try {
      return await attemptStep(work, found, step, { attempt, begins: attempt > found.attempts, notes });
    } catch (error) {
      control.signal.throwIfAborted();
      if (error instanceof RunWaits) throw error;
      if (isFault(error) && isOurs(error.code)) throw error;
      const fault = withRemedies(toFault(error), step);
      const unknown = fault.code === 'step_unknown';
      const pauseSeconds = unknown ? undefined : pauseOf(step, failures);
      if (pauseSeconds !== undefined) {
        ledger.log(found.position, `${fault.publicMessage} Trying again in ${pauseSeconds} s.`);
        const until = new Date(engine.clock.nowMs() + pauseSeconds * 1000);
        notes.value = retryNote(notes.value, { failures: ++failures, until });
        await ledger.note(found.position, notes.value);
        await pause(work, step, until);
        continue;
      }
      const wait = clusterAway(fault, work.run, engine.clock);
      if (wait) throw wait;
      await abandonWork(work, { ...found, output: notes.value }, step);
      await recordFailure(work, found, attempt, fault, unknown ? 'unknown' : 'negative');
      if (unknown && !work.run.ending && isAsked(step)) throw askPerson(fault, engine.clock.now());
      throw fault;
    }
  }
}

/** Seconds until a step that has failed so often is tried again; undefined when it is not. */
function pauseOf(step: WorkStep | UndoStep, failures: number): number | undefined {
  const retry = 'retry' in step ? step.retry : undefined;
  return retry && failures < retry.times ? retry.pauseSeconds * 2 ** failures : undefined;
}

async function pause({ engine, control }: RunWork, { title }: { title: string }, until?: Date): Promise<void> {
  const leftMs = until ? until.getTime() - engine.clock.nowMs() : 0;
  if (until && leftMs > pauseHeldMsMax)
    throw new RunWaits(until, `the next attempt at "${title}"`, { reason: 'time', keepsDeadline: true });
  if (leftMs > 0) await engine.clock.sleep(leftMs, control.signal);
}

async function attemptStep(
  work: RunWork,
  found: ClaimedStep,
  step: WorkStep | UndoStep,
  { attempt, begins, notes }: { readonly attempt: number; readonly begins: boolean; readonly notes: StepNotes },
): Promise<void> {
  const { ledger, control, outputs } = work;
  const { position, title } = found;
  control.guard();
  if (begins) {
    const begun = { position, title, status: 'running', attempt } as const;
    if (onlyLooks(step)) ledger.recordLater(begun);
    else await ledger.record(begun);
  }
  const resolved = resolveReferences(step, (id) => outputs.of(id));
  const { signal } = control;
  const output = await executeStep(resolved, contextOf(work, found, { notes, signal, guard: () => control.guard() }));
  ledger.recordSoon({ position, title, status: 'positive', attempt, output });
  outputs.set(position, output);
}

/** What the attempts of a step have kept. */
interface StepNotes {
  value: unknown;
}

function contextOf(
  { engine, run, ledger, session }: RunWork,
  found: ClaimedStep,
  { notes, signal, guard }: { readonly notes: StepNotes } & Pick<StepContext, 'signal' | 'guard'>,
): StepContext {
  const { position } = found;
  const { namespace } = run;
  return {
    ...{ session, run, position, namespace, clock: engine.clock, egress: engine.egress, signal, guard },
    ...{ kama: engine.kamaOf?.(run), noted: notes.value, dry: false },
    changes: new ChangeLedger(ledger, engine.clock, { run, position, namespace }),
    children: childRuns(engine, run, position),
    undone: () => engine.db.asSystem((tx) => changesOfStep(tx, run.id, found.parent ?? position)),
    log: async (line) => ledger.log(position, line),
    note: async (value) => {
      const note = withRetry(value, notes.value);
      await ledger.note(position, note);
      notes.value = note;
    },
  };
}

/** So long a run that ends tries to take away what a step has left at work. Milliseconds. */
const abandonMsMax = 1_500;

/** abandonWork takes away what a step has left at work on the cluster. That it cannot be reached keeps no run from ending. */
export async function abandonWork(work: RunWork, found: ClaimedStep, step: WorkStep | UndoStep): Promise<void> {
  if (!leavesWork(step)) return;
  const { ledger, outputs } = work;
  const guard = () => {
    if (!ledger.held) throw new Fault('run_lost');
  };
  const signal = AbortSignal.timeout(abandonMsMax);
  try {
    const resolved = resolveReferences(step, (id) => outputs.of(id));
    await abandonStep(resolved, contextOf(work, found, { notes: { value: found.output }, signal, guard }));
  } catch (error) {
    ledger.log(found.position, `What it has left at work could not be taken away: ${toFault(error).publicMessage}`);
  }
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
