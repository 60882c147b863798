import type { Db, Tx } from '@nm/adapters/db';
import type { DecideStep, RunError, RunStatus, StepDecision, StepStatus } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { lockInstall } from './install-lock.js';
import { resumeRun } from './resume-run.js';
import { runErrorOf } from './run-error.js';
import { type JournalEntry, writeJournal } from './run-journal.js';
import { isTerminal } from './run-rules.js';
import { findRun, type RunScope } from './run-scope.js';

const words: Readonly<Record<DecideStep['outcome'], string>> = {
  done: 'Marked as done',
  failed: 'Marked as failed',
  repeat: 'Is done again',
};

/**
 * decideStep writes what a person says of a step in doubt, and who it was. A run that waits for it goes on: past the step, into its failure, or with
 * the step once more. In a run that has ended it says what a retry goes on from.
 * @param by who it was, for people
 * @throws Fault not_found; nothing_to_decide when the step is not in doubt
 */
export async function decideStep(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  scope: RunScope,
  runId: string,
  answer: DecideStep,
  by: string,
): Promise<void> {
  await db.withOrg(scope.orgId, async (tx) => {
    const { installId } = await findRun(tx, scope, runId);
    await lockInstall(tx, installId);
    const run = await findRun(tx, scope, runId);
    const where = { runId_position: { runId, position: answer.step } };
    const step = await tx.runStep.findUnique({ where });
    const over = isTerminal(run.status as RunStatus);
    if (step?.status !== 'unknown' || !(over || run.status === 'waiting')) throw new Fault('nothing_to_decide');
    const { outcome, comment } = answer;
    const at = clock.now();
    const decision: StepDecision = { outcome, by, at: at.toISOString(), ...(comment === undefined ? {} : { comment }) };
    const status = statusAfter(outcome, over);
    const error = status === 'negative' ? failureBy(by, comment) : undefined;
    await tx.$executeRaw`
      UPDATE run_step SET status = ${status}, decision = ${JSON.stringify(decision)}::jsonb,
             output = CASE WHEN ${status} = 'idle' THEN NULL ELSE output END,
             error = ${error ? JSON.stringify(error) : null}::jsonb
       WHERE id = ${step.id}`;
    const said = `${words[outcome]} by ${by}${comment ? `: ${comment}` : ''}`;
    const { position, title, attempts } = step;
    await tell(tx, run, at, [
      { kind: 'step', data: { step: position, title, status, attempt: attempts, ...(error ? { error } : {}) } },
      { kind: 'log', data: { step: position, line: said } },
    ]);
    if (!over) await resumeRun(tx, run);
  });
}

/** In a run that has ended nothing begins again: a retry does the failed step. */
function statusAfter(outcome: DecideStep['outcome'], over: boolean): StepStatus {
  if (outcome === 'done') return 'positive';
  return outcome === 'repeat' && !over ? 'idle' : 'negative';
}

const failureBy = (by: string, comment: string | undefined): RunError =>
  runErrorOf(
    new Fault('step_failed', { public: `The step was marked as failed by ${by}${comment ? `: ${comment}` : '.'}` }),
  );

async function tell(tx: Tx, run: { id: string; orgId: string }, at: Date, entries: JournalEntry[]): Promise<void> {
  const { nextSeq } = await tx.run.update({
    where: { id: run.id },
    data: { nextSeq: { increment: entries.length } },
    select: { nextSeq: true },
  });
  await writeJournal(tx, run, nextSeq - entries.length, at, entries);
}
