import { type Advance, advanceRun } from './advance-run.js';
import { type ChooseOptions, chooseRun } from './choose-run.js';
import type { RunEngine } from './run-engine.js';

/** Two workers may choose the same run at the same moment; the one that comes second chooses again, or the run that it came for would wait. */
const choicesMax = 10;

export interface Worked {
  /** The run that was taken, or the one that was asked for when there was nothing to take. */
  readonly runId: string;
  readonly outcome: Advance | 'nothing';
}

/** workOnce takes the run whose turn it is, and does what is left of it; see `chooseRun`. */
export async function workOnce(
  engine: RunEngine & Pick<ChooseOptions, 'tenantRunsMax'>,
  askedFor: string,
  stop: AbortSignal,
): Promise<Worked> {
  for (let choices = 0; choices < choicesMax && !stop.aborted; ) {
    const runId = await chooseRun(engine, askedFor);
    if (runId === undefined) break;
    const outcome = await advanceRun(engine, runId, stop);
    if (parked.has(outcome)) continue;
    if (!lostRace.has(outcome)) return { runId, outcome };
    choices++;
  }
  return { runId: askedFor, outcome: 'nothing' };
}

/** It waits now, and is not chosen again: the slot is free for the next. */
const parked: ReadonlySet<Advance> = new Set<Advance>(['away', 'closed']);
const lostRace: ReadonlySet<Advance> = new Set<Advance>(['held', 'busy', 'behind', 'ended', 'waits', 'paused']);
