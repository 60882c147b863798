import { recordChange, type Tx } from '@nm/adapters/db';
import type { Run, RunError } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { returnInstall } from './child-run.js';
import { runErrorOf } from './run-error.js';
import { type JournalEntry, writeJournal } from './run-journal.js';
import type { TerminalStatus } from './run-rules.js';
import { isBegun } from './steps/at-most-once.js';

export interface EndedRun {
  readonly id: string;
  readonly orgId: string;
  readonly installId: string;
  readonly kind: Run['kind'];
}

export interface RunEnd {
  readonly status: TerminalStatus;
  readonly error?: RunError | undefined;
}

/**
 * writeEnd writes all that follows from a run's end, in the transaction that ends it and under the install's lock: its steps, its last event,
 * the state of its install, and that the next run of the install may begin.
 * @param reserve takes numbers for the story from the run's row, while it also sets the status; gives the first one
 */
export async function writeEnd(
  tx: Tx,
  run: EndedRun,
  end: RunEnd,
  at: Date,
  reserve: (count: number) => Promise<number>,
): Promise<void> {
  const { status, error } = end;
  const open = await tx.runStep.findMany({ where: { runId: run.id, status: 'running' }, orderBy: { position: 'asc' } });
  const entries: JournalEntry[] = [
    ...open.map(
      (step): JournalEntry => ({
        kind: 'step',
        data: {
          step: step.position,
          title: step.title,
          status: statusAtEnd(step),
          attempt: step.attempts,
          ...(error ? { error } : {}),
        },
      }),
    ),
    { kind: 'status', data: { status, ...(error ? { error } : {}) } },
  ];
  const firstSeq = await reserve(entries.length);
  for (const step of open)
    await tx.runStep.update({
      where: { id: step.id },
      data: { status: statusAtEnd(step), finishedAt: at, ...(error ? { error: error as object } : {}) },
    });
  await writeJournal(tx, run, firstSeq, at, entries);
  if (status !== 'positive') await endChildren(tx, run.id, at);
  await moveInstall(tx, run, status);
  await returnInstall(tx, run.id);
  await announceNext(tx, run);
}

/** endUnbegun ends a run as cancelled that no worker has begun, in the caller's transaction and under the install's lock. */
export async function endUnbegun(tx: Tx, run: EndedRun, at: Date): Promise<void> {
  const error = runErrorOf(new Fault('run_cancelled'));
  await writeEnd(tx, run, { status: 'cancelled', error }, at, async (count) => {
    const { nextSeq } = await tx.run.update({
      where: { id: run.id, startedAt: null },
      data: {
        ...{ status: 'cancelled', error: error as object, cancelRequestedAt: at, finishedAt: at },
        nextSeq: { increment: count },
      },
      select: { nextSeq: true },
    });
    return nextSeq - count;
  });
}

/** A run that was to be a step of this one, and had not been lent the install yet. */
async function endChildren(tx: Tx, runId: string, at: Date): Promise<void> {
  const children = await tx.run.findMany({ where: { parentId: runId, status: 'queued', startedAt: null } });
  for (const child of children) await endUnbegun(tx, { ...child, kind: child.kind as Run['kind'] }, at);
}

/** A step that was cut off in a work that is done at most once may have had its effect. */
const statusAtEnd = ({ output }: { readonly output: unknown }): 'unknown' | 'negative' =>
  isBegun(output) ? 'unknown' : 'negative';

/** A provisioning run decides whether its install can be used, a removal that it is gone. */
async function moveInstall(tx: Tx, run: EndedRun, status: TerminalStatus): Promise<void> {
  const state = installStateAfter(run.kind, status);
  if (!state) return;
  const { count } = await tx.install.updateMany({
    where: { id: run.installId, state: { not: 'removed' } },
    data: { state },
  });
  if (count) await recordChange(tx, { kind: 'install', id: run.installId, orgId: run.orgId });
}

function installStateAfter(kind: Run['kind'], status: TerminalStatus): 'ready' | 'failed' | 'removed' | undefined {
  if (kind === 'provision') return status === 'positive' ? 'ready' : 'failed';
  return kind === 'remove' && status === 'positive' ? 'removed' : undefined;
}

/**
 * The next run of the install may begin now; and since a slot of the tenant is free, so may its next run on another install, whose own
 * announcement may have come while the tenant had all the slots that it may have.
 */
async function announceNext(tx: Tx, { installId, orgId }: EndedRun): Promise<void> {
  await tx.$executeRaw`SELECT nm_run_announce_next(${installId}, ${orgId})`;
}
