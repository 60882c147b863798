import type { Db } from '@nm/adapters/db';
import { Fault, invariant, isFault, toFault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { Agent } from 'undici';
import { runErrorOf } from '../run-error.js';
import { type ClaimDecision, verdictOf } from '../run-rules.js';
import { executeStep } from '../steps/executors.js';
import { type ClusterSession, type StepSession, stepSession } from '../steps/step-context.js';
import { type ClaimedRun, type ClaimedStep, claimRun } from './claim-run.js';
import { preflight } from './preflight.js';
import { type Cancellations, RunControl } from './run-control.js';
import { RunLedger } from './run-ledger.js';

/** RunSessions opens the clusters that runs work on. */
export interface RunSessions {
  /** By the registered credential; for what NMachine itself does. */
  forCluster(clusterId: string): Promise<ClusterSession>;
  /** As the install's own ServiceAccount; for what a publisher wrote. */
  forInstall(installId: string): Promise<ClusterSession>;
}

export interface RunEngine {
  readonly db: Db;
  readonly clock: Clock;
  readonly sessions: RunSessions;
  readonly cancellations: Cancellations;
  /** Dials what a plan names by URL. */
  readonly egress: Agent;
  /** Name of this worker; for people. */
  readonly worker: string;
  /** How long a worker that is not heard of keeps its runs, in milliseconds. */
  readonly leaseMs: number;
  /** Told of faults that are ours, and of what a run's end could not record. */
  readonly onFault: (fault: Fault, runId: string) => void;
}

/** What came of a job: the run's verdict, or why it was not taken. */
export type Advance = ReturnType<typeof verdictOf> | Exclude<ClaimDecision, 'claim'>;

/**
 * advanceRun takes a run and does what is left of it: each step is recorded before and after, under the fence of this claim. It may be
 * asked for the same run by any number of workers at any time; one of them works, the others leave.
 * @param stop aborts when the worker must stop; the run is given back then
 */
export async function advanceRun(engine: RunEngine, runId: string, stop: AbortSignal): Promise<Advance> {
  const claimedMs = engine.clock.monotonicMs();
  const claim = await claimRun(engine, runId);
  if (claim.decision !== 'claim') return claim.decision;

  const { run } = claim;
  const ledger = new RunLedger(engine, run, claimedMs);
  const control = new RunControl({ ...engine, stop }, ledger, run);
  try {
    control.guard();
    const session = openSession(engine.sessions, run);
    await preflight(session, run, control.signal);
    for (const step of run.steps) {
      if (step.status === 'positive') continue;
      await takeStep({ engine, run, ledger, control, session }, step);
    }
    await ledger.finish({ status: 'positive' });
    return 'positive';
  } catch (error) {
    const reason = control.signal.aborted ? control.signal.reason : error;
    return await settle(engine, run, ledger, toFault(reason));
  } finally {
    await control.close();
  }
}

const openSession = (sessions: RunSessions, run: ClaimedRun): StepSession =>
  stepSession(() => (run.kind === 'action' ? sessions.forInstall(run.installId) : sessions.forCluster(run.clusterId)));

interface Work {
  readonly engine: RunEngine;
  readonly run: ClaimedRun;
  readonly ledger: RunLedger;
  readonly control: RunControl;
  readonly session: StepSession;
}

/** takeStep records that the step begins, does it, and records that it is done. A crash anywhere in between only means doing it again. */
async function takeStep({ engine, run, ledger, control, session }: Work, found: ClaimedStep): Promise<void> {
  const { position, title } = found;
  const step = run.plan.steps[position];
  invariant(step, `run ${run.id} has a plan for step ${position}`);
  const attempt = found.attempts + 1;
  control.guard();
  await ledger.record({ position, title, status: 'running', attempt });
  const output = await executeStep(step, {
    session,
    run,
    namespace: run.namespace,
    clock: engine.clock,
    egress: engine.egress,
    signal: control.signal,
    noted: found.output,
    guard: () => control.guard(),
    log: (line) => ledger.log(position, line),
    note: (notes) => ledger.note(position, notes),
  });
  await ledger.record({ position, title, status: 'positive', attempt, output });
}

/** settle writes what becomes of a run that did not get through. */
async function settle(engine: RunEngine, run: ClaimedRun, ledger: RunLedger, fault: Fault): Promise<Advance> {
  const verdict = verdictOf(fault.code);
  if (fault.code === 'internal') engine.onFault(fault, run.id);
  try {
    if (verdict === 'release') await ledger.release();
    else if (verdict !== 'abandon') {
      const error = runErrorOf(fault);
      await ledger.finish({ status: verdict, error });
    }
    return verdict;
  } catch (error) {
    // Somebody else has it, or the database is away: the lease brings the run to whoever can go on.
    engine.onFault(isFault(error) ? error : toFault(error), run.id);
    return 'abandon';
  }
}
