import type { GroupStatement } from '@nm/adapters/db';
import type { JournalEntry } from '../run-journal.js';
import type { StepWrite } from './due-records.js';

/** What is to be written of a run, under the fence of its claim. */
export interface RunRecords {
  readonly run: string;
  readonly fence: number;
  readonly at: Date;
  readonly steps: readonly StepWrite[];
  readonly entries: readonly JournalEntry[];
  /** Characters that the run's log grows by. */
  readonly chars: number;
}

interface WriteCall extends RunRecords {
  readonly leaseMs: number;
}

interface Written {
  readonly run: string;
  readonly fence: number;
  readonly cancelRequested: boolean;
}

/** Writes records and renews leases; undefined for whom the fence is not the run's any more. */
export const writeStatement: GroupStatement<WriteCall, Written, Written | undefined> = {
  name: 'nm_runs_write',
  text: 'SELECT * FROM nm_runs_write($1, $2)',
  // The leases of one worker last equally long.
  values: (asked) => [JSON.stringify(asked), asked[0]?.leaseMs],
  answers: byClaim,
};

interface Finished {
  readonly run: string;
  readonly fence: number;
  readonly outcome: 'ended' | 'slow' | 'lost';
}

/** Ends runs well, with their last records. */
export const finishStatement: GroupStatement<
  RunRecords & { readonly announce: boolean },
  Finished,
  Finished['outcome']
> = {
  name: 'nm_runs_finish',
  text: 'SELECT * FROM nm_runs_finish($1)',
  values: (asked) => [JSON.stringify(asked)],
  answers: (asked, rows) => byClaim(asked, rows).map((row) => row?.outcome ?? 'lost'),
};

/** By the claim, not by the run: a worker may have lost a run, claimed it again, and be asking for both. */
function byClaim<R extends Pick<RunRecords, 'run' | 'fence'>>(
  asked: readonly RunRecords[],
  rows: readonly R[],
): (R | undefined)[] {
  const keyOf = ({ run, fence }: Pick<RunRecords, 'run' | 'fence'>): string => `${run} ${fence}`;
  const found = new Map(rows.map((row) => [keyOf(row), row]));
  return asked.map((each) => found.get(keyOf(each)));
}
