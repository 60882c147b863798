import { Fault, isFault, toFault } from '@nm/kernel/fault';
import type { RunEnd } from '../end-run.js';
import { runErrorOf } from '../run-error.js';
import { type ClaimDecision, verdictOf } from '../run-rules.js';
import { RunWaits } from '../steps/run-waits.js';
import { type StepSession, stepSession } from '../steps/step-context.js';
import { isParked } from '../steps/watch.js';
import { type ClaimedRun, type ClaimedStep, claimRun, readSteps } from './claim-run.js';
import { clusterAway } from './cluster-away.js';
import { preflight } from './preflight.js';
import { RunControl } from './run-control.js';
import type { RunEngine, RunSessions } from './run-engine.js';
import { type NextRun, RunLedger } from './run-ledger.js';
import { stepOutputs } from './step-outputs.js';
import type { RunWork } from './take-step.js';
import { PlanWalk } from './walk-plan.js';

/** So long the undoing of a run may take, whatever made it fail, in milliseconds. */
const undoMsMax = 600_000;

/** What came of a job: the run's verdict, or why it was not taken. */
export type Advance = ReturnType<typeof verdictOf> | Exclude<ClaimDecision, 'claim'> | 'waits';

/**
 * advanceRun takes a run and does what is left of it: each step is recorded before and after, under the fence of this claim. It may be
 * asked for the same run by any number of workers at any time; one of them works, the others leave.
 * @param stop aborts when the worker must stop; the run is given back then
 */
export async function advanceRun(engine: RunEngine, runId: string, stop: AbortSignal): Promise<Advance> {
  const claimedMs = engine.clock.monotonicMs();
  const claim = await claimRun(engine, runId);
  return claim.decision === 'claim' ? workOnRun(engine, claim.run, { claimedMs, stop }) : claim.decision;
}

export interface WorkOptions {
  /** When the claim was asked for, by the monotonic clock. */
  readonly claimedMs: number;
  readonly stop: AbortSignal;
  /** How this slot takes another run when this one has ended well. */
  readonly next?: NextRun | undefined;
}

/** workOnRun does what is left of a run that this worker has claimed. */
export async function workOnRun(
  engine: RunEngine,
  run: ClaimedRun,
  { claimedMs, stop, next }: WorkOptions,
): Promise<Advance> {
  const ledger = new RunLedger(engine, run, claimedMs);
  const control = new RunControl({ ...engine, stop }, ledger, run);
  const work = { engine, run, ledger, control, session: openSession(engine.sessions, run), outputs: stepOutputs(run) };
  try {
    if (run.unreadable) throw run.unreadable;
    if (run.ending) return await undoAndEnd(work, run.ending);
    control.guard();
    // Between two looks of a step that waits nothing has changed that would have to be asked again.
    if (!run.steps.some(isBetweenLooks)) await preflight(work.session, run, control.signal);
    await new PlanWalk(work).walk();
    await ledger.finish({ status: 'positive' }, next);
    return 'positive';
  } catch (error) {
    return await settle(work, control.signal.aborted ? control.signal.reason : error);
  } finally {
    await control.close();
    ledger.close();
  }
}

const isBetweenLooks = ({ status, output }: ClaimedStep): boolean => status === 'running' && isParked(output);

const openSession = (sessions: RunSessions, run: ClaimedRun): StepSession =>
  stepSession(() => (run.kind === 'action' ? sessions.forInstall(run.installId) : sessions.forCluster(run.clusterId)));

/** settle writes what becomes of a run that did not get through. */
async function settle(work: RunWork, reason: unknown): Promise<Advance> {
  const { engine, run, ledger } = work;
  try {
    const wait = reason instanceof RunWaits ? reason : clusterAway(toFault(reason), run, engine.clock);
    if (wait && (await ledger.wait(wait))) return 'waits';
    const fault = wait ? new Fault('run_cancelled') : toFault(reason);
    if (fault.code === 'internal' || fault.code === 'plan_unreadable') engine.onFault(fault, run.id);
    const verdict = verdictOf(fault.code);
    if (verdict === 'abandon') return verdict;
    if (verdict === 'release') {
      await ledger.release();
      return verdict;
    }
    return await endWork(work, { status: verdict, error: runErrorOf(fault) });
  } catch (error) {
    // Somebody else has it, or the database is away: the lease brings the run to whoever can go on.
    engine.onFault(isFault(error) ? error : toFault(error), run.id);
    return 'abandon';
  }
}

/** endWork ends the run, once what it has done and can undo is undone. */
async function endWork(work: RunWork, ending: RunEnd): Promise<Advance> {
  const { engine, run, ledger } = work;
  const claim = await refreshed(work);
  await new PlanWalk({ ...work, run: claim }).abandon();
  if (run.ending) {
    // The undoing itself was cut off by its time limit.
    await ledger.finish(run.ending);
    return run.ending.status;
  }
  if (!new PlanWalk({ ...work, run: claim }).hasUndo()) {
    await ledger.finish(ending);
    return ending.status;
  }
  await ledger.beginUndo(ending, undoMsMax);
  ledger.log(undefined, 'Undoing what was done');
  const undoing = { ...claim, ending, remainingMs: undoMsMax, cancelRequested: false };
  const control = new RunControl({ ...engine, stop: work.control.stop }, ledger, undoing);
  const undo = { ...work, run: undoing, control };
  try {
    return await undoAndEnd(undo, ending);
  } catch (error) {
    return await settle(undo, control.signal.aborted ? control.signal.reason : error);
  } finally {
    await control.close();
  }
}

async function undoAndEnd(work: RunWork, ending: RunEnd): Promise<Advance> {
  await new PlanWalk(work).undo();
  await work.ledger.finish(ending);
  return ending.status;
}

/** The rows as they are now: the walk that failed has recorded more than the claim knew. */
async function refreshed({ engine, run }: RunWork): Promise<ClaimedRun> {
  return { ...run, steps: await engine.db.asSystem((tx) => readSteps(tx, run.id)) };
}
