import { type Advance, workOnRun } from './advance-run.js';
import type { ChooseOptions } from './choose-run.js';
import { type Taken, takeRun } from './claim-run.js';
import type { RunEngine } from './run-engine.js';
import type { NextRun } from './run-ledger.js';

/** Two workers may choose the same run at the same moment; the one that comes second chooses again, or the run that it came for would wait. */
const choicesMax = 10;

export interface Worked {
  /** The run that was taken, or the one that was asked for when there was nothing to take. */
  readonly runId: string;
  readonly outcome: Advance | 'nothing';
}

type WorkingEngine = RunEngine & Pick<ChooseOptions, 'tenantRunsMax'>;

/** What a slot was told when its run ended. */
interface Handed {
  readonly taken: Taken;
  /** When it was asked for, by the monotonic clock. */
  readonly askedMs: number;
}

/** How a slot goes from one run to the next. */
interface Succession {
  /** What the slot has taken already. */
  readonly handed?: Handed | undefined;
  /** Asked when the run ends: whether the slot takes another with it. */
  readonly wanted: () => boolean;
  readonly onHanded: (handed: Handed) => void;
}

/**
 * workOnce takes the run whose turn it is, and does what is left of it; see `chooseRun`.
 * @param succession given when the slot goes on with another run when this one has ended well
 */
export async function workOnce(
  engine: WorkingEngine,
  askedFor: string,
  stop: AbortSignal,
  succession?: Succession,
): Promise<Worked> {
  const { worker, tenantRunsMax } = engine;
  const next: NextRun | undefined = succession && {
    ...{ worker, tenantRunsMax, wanted: succession.wanted },
    onTaken: (taken, askedMs) => succession.onHanded({ taken, askedMs }),
  };
  let handed = succession?.handed;
  // What the slot has claimed already is worked on, or given back, whatever else.
  for (let choices = 0; handed?.taken.found || (choices < choicesMax && !stop.aborted); handed = undefined) {
    const claimedMs = handed?.askedMs ?? engine.clock.monotonicMs();
    const taken = await takeRun(engine, askedFor, handed?.taken);
    if (!taken) break;
    const { runId, claim } = taken;
    const outcome =
      claim.decision === 'claim' ? await workOnRun(engine, claim.run, { claimedMs, stop, next }) : claim.decision;
    if (parked.has(outcome)) continue;
    if (!lostRace.has(outcome)) return { runId, outcome };
    choices++;
  }
  return { runId: askedFor, outcome: 'nothing' };
}

/** So many runs one request leads to; then the queue is asked, where others wait too. */
const runsMax = 100;

export interface WorkThrough {
  readonly stop: AbortSignal;
  /** False when this worker shall begin nothing more. */
  readonly takesMore: () => boolean;
  /** Told of each run. */
  readonly around: (work: () => Promise<Worked>) => Promise<Worked>;
}

/**
 * workThrough works on the run whose turn it is, and then on the next: what a run that has ended lets begin is taken by the slot that it leaves,
 * with the statement that ends it, without a way through the outbox and the queue.
 */
export async function workThrough(
  engine: WorkingEngine,
  askedFor: string,
  { stop, takesMore, around }: WorkThrough,
): Promise<void> {
  let runId = askedFor;
  let handed: Handed | undefined;
  for (let runs = 1; ; runs++) {
    const found = handed;
    handed = undefined;
    const succession: Succession = {
      handed: found,
      wanted: () => runs < runsMax && takesMore(),
      onHanded: (told) => {
        handed = told;
      },
    };
    const worked = await around(() => workOnce(engine, runId, stop, succession));
    // Whoever ends otherwise, or takes nothing more, has asked for the next.
    if (worked.outcome !== 'positive' || handed === undefined) return;
    runId = worked.runId;
  }
}

/** It waits now, and is not chosen again: the slot is free for the next. */
const parked: ReadonlySet<Advance> = new Set<Advance>(['away', 'closed']);
const lostRace: ReadonlySet<Advance> = new Set<Advance>(['held', 'busy', 'behind', 'ended', 'waits', 'paused']);
