import type { Tx } from '@nm/adapters/db';
import type { RunError, RunStatus, StepStatus, WaitReason } from '@nm/kernel/contracts';

/** One line of a run's story before it has a number. */
export type JournalEntry =
  | {
      readonly kind: 'status';
      readonly data: { readonly status: RunStatus; readonly error?: RunError; readonly reason?: WaitReason };
    }
  | {
      readonly kind: 'step';
      readonly data: { step: number; title: string; status: StepStatus; attempt: number; error?: RunError };
    }
  | { readonly kind: 'log'; readonly data: { readonly step?: number; readonly line: string } };

/** What of a run its story needs. */
export interface JournalRun {
  readonly id: string;
  readonly orgId: string;
}

/**
 * writeJournal appends entries with the numbers from `firstSeq`. The caller has taken those numbers from the run's row
 * (`next_seq`) in this transaction; the row's lock keeps the story without gap and without a number twice.
 */
export async function writeJournal(
  tx: Tx,
  run: JournalRun,
  firstSeq: number,
  at: Date,
  entries: readonly JournalEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  await tx.runLog.createMany({
    data: entries.map((entry, i) => ({
      orgId: run.orgId,
      runId: run.id,
      seq: firstSeq + i,
      at,
      kind: entry.kind,
      data: entry.data as object,
    })),
  });
}

/** announceRun asks, in the transaction that makes a run ready for it, that some worker advances the run. */
export async function announceRun(tx: Tx, run: JournalRun): Promise<void> {
  await tx.outbox.create({ data: { topic: 'run', orgId: run.orgId, payload: { runId: run.id } } });
}
