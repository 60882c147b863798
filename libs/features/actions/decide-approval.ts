import type { Db } from '@nm/adapters/db';
import type { DecideApproval } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { lockInstall } from './install-lock.js';
import { resumeRun } from './resume-run.js';
import { findRun, type RunScope } from './run-scope.js';
import { ApprovalNote } from './steps/approval.js';

/**
 * decideApproval writes what a person said to a step that waits for it, and lets the run go on; the first answer counts.
 * @param by who it was, for people
 * @throws Fault not_found; run_finished; nothing_to_approve when the step does not wait
 */
export async function decideApproval(
  db: Db,
  scope: RunScope,
  runId: string,
  answer: DecideApproval,
  by: string,
): Promise<void> {
  await db.withOrg(scope.orgId, async (tx) => {
    const { installId } = await findRun(tx, scope, runId);
    await lockInstall(tx, installId);
    const run = await findRun(tx, scope, runId);
    const where = { runId_position: { runId, position: answer.step } };
    const step = await tx.runStep.findUnique({ where });
    const note = ApprovalNote.safeParse(step?.output);
    if (run.status !== 'waiting' || step?.kind !== 'approval' || step.status !== 'running' || !note.success)
      throw new Fault('nothing_to_approve');
    if (note.data.decision !== undefined) return;
    const { decision, comment } = answer;
    const output = { ...note.data, decision, by, ...(comment === undefined ? {} : { comment }) };
    await tx.runStep.update({ where, data: { output } });
    await resumeRun(tx, run);
  });
}
