import type { Db, Tx } from '@nm/adapters/db';
import type { Run, RunStatus } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { type Clock, systemClock } from '@nm/kernel/time';
import { endUnbegun } from './end-run.js';
import { lockInstall } from './install-lock.js';
import { resumeRun } from './resume-run.js';
import { decideCancel, isTerminal } from './run-rules.js';
import { findRun, type RunScope } from './run-scope.js';

/**
 * cancelRun ends a run at once that has not begun, and asks the worker of a running one to stop; the database tells it (NOTIFY `nm_run_cancel`).
 * One that waits in the middle of its work goes back to a worker, which undoes what can be undone; see `UrgentLane`.
 * Asking twice is fine. @throws Fault not_found; run_finished when it has ended otherwise
 */
export function cancelRun(db: Db, scope: RunScope, runId: string, clock: Clock = systemClock): Promise<void> {
  return db.withOrg(scope.orgId, async (tx) => {
    const { installId } = await findRun(tx, scope, runId);
    await lockInstall(tx, installId);
    await cancelLocked(tx, scope, runId, clock);
  });
}

async function cancelLocked(tx: Tx, scope: RunScope, runId: string, clock: Clock): Promise<void> {
  await tx.$queryRaw`SELECT id FROM run WHERE id = ${runId} FOR UPDATE`;
  const run = await findRun(tx, scope, runId);
  const decision = decideCancel({ status: run.status as Run['status'], begun: run.startedAt !== null });
  if (decision === 'ended') {
    if (run.status === 'cancelled') return;
    throw new Fault('run_finished', { extra: { runStatus: run.status } });
  }
  if (decision === 'ask-worker') {
    if (!run.cancelRequestedAt) await tx.run.update({ where: { id: runId }, data: { cancelRequestedAt: clock.now() } });
    // A child that is under way is what must stop; its end lets this one go on, and undo.
    const child = run.waitsRun === null ? undefined : await openChild(tx, run.waitsRun);
    if (child !== undefined) await cancelLocked(tx, scope, child, clock);
    else if (run.status === 'waiting') await resumeRun(tx, run);
    return;
  }
  await endUnbegun(tx, { ...run, kind: run.kind as Run['kind'] }, clock.now());
}

async function openChild(tx: Tx, childId: string): Promise<string | undefined> {
  const child = await tx.run.findUnique({ where: { id: childId }, select: { id: true, status: true } });
  return child && !isTerminal(child.status as RunStatus) ? child.id : undefined;
}
