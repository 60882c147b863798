import type { GroupStatement } from '@nm/adapters/db';
import type { JournalEntry } from '../run-journal.js';
import type { Found, Taken } from './claim-run.js';
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

/** How a slot that ends a run comes by its next. */
export interface SlotTakes {
  readonly worker: string;
  readonly tenantRunsMax: number;
}

interface EndCall extends RunRecords {
  readonly installId: string;
  /** Whether the next runs are asked for. */
  readonly announce: boolean;
  readonly leaseMs: number;
  /** Absent when the slot takes nothing more. */
  readonly takes: SlotTakes | undefined;
}

/** How a run has ended or not; or what was seen of another, which is nothing when there may be something. */
type EndRow = Ended | ((Found | { readonly id: null }) & { readonly outcome: null });

interface Ended {
  readonly id: string;
  readonly fence: number;
  readonly outcome: 'ended' | 'slow' | 'lost';
}

interface EndAnswer {
  readonly outcome: Ended['outcome'];
  /** What there is for the slot; absent when it takes nothing, or could not take with this end. */
  readonly next: Taken | undefined;
}

/** Ends runs well, with their last records; slots that go on take their next ones with the same statement. */
export const endStatement: GroupStatement<EndCall, EndRow, EndAnswer> = {
  name: 'nm_runs_end_and_take',
  text: 'SELECT * FROM nm_runs_end_and_take($1, $2, $3, $4, $5, $6, $7)',
  values: (asked) => {
    const takers = asked.filter(({ takes }) => takes !== undefined);
    // The slots of one worker differ in nothing but their runs.
    const { leaseMs, at, takes } = takers[0] ?? asked[0] ?? {};
    const items = asked.map(({ takes: _, leaseMs: __, installId: ___, ...item }) => ({ ...item, end: true }));
    const installs = asked.map(({ installId }) => installId);
    const slots = takers.map(({ run }) => run);
    return [JSON.stringify(items), installs, slots, takes?.tenantRunsMax, takes?.worker, leaseMs, at];
  },
  answers: (asked, rows) => {
    const ends: (Ended & { readonly run: string })[] = [];
    const seen: (Found | undefined)[] = [];
    for (const row of rows) {
      if (row.outcome !== null) ends.push({ ...row, run: row.id });
      else seen.push(row.id === null ? undefined : row);
    }
    const outcomes = byClaim(asked, ends);
    const others = seen.length > 0;
    return asked.map(({ takes }, i): EndAnswer => {
      const outcome = outcomes[i]?.outcome ?? 'lost';
      if (!takes || outcome !== 'ended') return { outcome, next: undefined };
      return { outcome, next: { found: seen.shift(), others } };
    });
  },
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
