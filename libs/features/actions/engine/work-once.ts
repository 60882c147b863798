import { type Advance, workOnRun } from './advance-run.js';
import type { ChooseOptions } from './choose-run.js';
import { takeRun } from './claim-run.js';
import type { RunEngine } from './run-engine.js';

/** Two workers may choose the same run at the same moment; the one that comes second chooses again, or the run that it came for would wait. */
const choicesMax = 10;

export interface Worked {
  /** The run that was taken, or the one that was asked for when there was nothing to take. */
  readonly runId: string;
  readonly outcome: Advance | 'nothing';
}

type WorkingEngine = RunEngine & Pick<ChooseOptions, 'tenantRunsMax'>;

/**
 * workOnce takes the run whose turn it is, and does what is left of it; see `chooseRun`.
 * @param goesOn the caller takes the next one when this has ended well
 */
export async function workOnce(
  engine: WorkingEngine,
  askedFor: string,
  stop: AbortSignal,
  goesOn = false,
): Promise<Worked> {
  for (let choices = 0; choices < choicesMax && !stop.aborted; ) {
    const claimedMs = engine.clock.monotonicMs();
    const taken = await takeRun(engine, askedFor);
    if (!taken) break;
    const { runId, claim } = taken;
    const outcome =
      claim.decision === 'claim' ? await workOnRun(engine, claim.run, { claimedMs, stop, goesOn }) : claim.decision;
    if (parked.has(outcome)) continue;
    if (!lostRace.has(outcome)) return { runId, outcome };
    choices++;
  }
  return { runId: askedFor, outcome: 'nothing' };
}

/** So many runs one request leads to; then the queue is asked, where others wait too. */
const runsMax = 100;
const announceStatement = {
  name: 'nm_run_announce_next',
  text: 'SELECT nm_run_announce_next(install_id, org_id) FROM run WHERE id = $1',
};

export interface WorkThrough {
  readonly stop: AbortSignal;
  /** False when this worker shall begin nothing more. */
  readonly takesMore: () => boolean;
  /** Told of each run. */
  readonly around: (work: () => Promise<Worked>) => Promise<Worked>;
}

/**
 * workThrough works on the run whose turn it is, and then on the next: what a run that has ended lets begin is taken by the slot that it leaves,
 * without a way through the outbox and the queue. A worker that dies in between leaves that to the sweeper.
 */
export async function workThrough(
  engine: WorkingEngine,
  askedFor: string,
  { stop, takesMore, around }: WorkThrough,
): Promise<void> {
  let runId = askedFor;
  for (let runs = 1; ; runs++) {
    const worked = await around(() => workOnce(engine, runId, stop, true));
    // Who ends otherwise asks for the next.
    if (worked.outcome !== 'positive') return;
    runId = worked.runId;
    if (runs < runsMax && takesMore()) continue;
    await engine.db.system(announceStatement, [runId]);
    return;
  }
}

/** It waits now, and is not chosen again: the slot is free for the next. */
const parked: ReadonlySet<Advance> = new Set<Advance>(['away', 'closed']);
const lostRace: ReadonlySet<Advance> = new Set<Advance>(['held', 'busy', 'behind', 'ended', 'waits', 'paused']);
