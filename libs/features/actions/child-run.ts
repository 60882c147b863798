import type { Tx } from '@nm/adapters/db';
import type { RunStatus } from '@nm/kernel/contracts';
import { resumeRun } from './resume-run.js';
import { announceRun, type JournalRun } from './run-journal.js';
import { isTerminal } from './run-rules.js';

/**
 * lendInstall lets a child begin, in the transaction in which its parent begins to wait for it and under the install's lock. One that was
 * cancelled before it could begin lets the parent go on at once.
 */
export async function lendInstall(tx: Tx, parent: JournalRun, childId: string): Promise<void> {
  const child = await tx.run.findUniqueOrThrow({
    where: { id: childId },
    select: { id: true, orgId: true, status: true },
  });
  if (isTerminal(child.status as RunStatus)) await resumeRun(tx, parent);
  else await announceRun(tx, child);
}

/** returnInstall lets the parent go on that waits for this run's end, in the transaction that ends the run. */
export async function returnInstall(tx: Tx, childId: string): Promise<void> {
  const parent = await tx.run.findFirst({
    where: { waitsRun: childId, status: 'waiting' },
    select: { id: true, orgId: true },
  });
  if (parent) await resumeRun(tx, parent);
}
