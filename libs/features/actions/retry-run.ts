import type { Tx } from '@nm/adapters/db';
import type { RetryRun, Run, RunStatus, StepStatus } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { openedPlan } from './plan/sealed-plan.js';
import { queueRun } from './queue-run.js';
import { readRun } from './read-run.js';
import { isTerminal } from './run-rules.js';
import { findRun, type RunScope } from './run-scope.js';
import type { StartRunDeps } from './start-run.js';

/**
 * retryRun queues a run with the inputs of one that has ended. From the step that failed, what was done before it stays done and is not done
 * again; what was undone is done again. History is not rewritten: the new run names the old one. Asked twice, there is one new run.
 * @param person who asks, when it is one; kept with what is said of steps in doubt
 * @throws Fault not_found; forbidden; run_unfinished; run_step_unknown when nobody has said what became of an unknown step; install_not_ready
 */
export async function retryRun(
  deps: StartRunDeps,
  scope: RunScope,
  runId: string,
  how: RetryRun,
  person?: string,
): Promise<Run> {
  // What became of a step is a person's word, never that of the publisher's code.
  if (how.unknownSteps !== undefined && person === undefined) throw new Fault('forbidden');
  const { id } = await deps.db.withOrg(scope.orgId, async (tx) => {
    const run = await findRun(tx, scope, runId);
    if (!isTerminal(run.status as RunStatus)) throw new Fault('run_unfinished');
    const install = await tx.install.findUniqueOrThrow({ where: { id: run.installId } });
    if (run.kind === 'action' && install.state !== 'ready')
      throw new Fault('install_not_ready', { extra: { state: install.state } });
    const steps = await tx.runStep.findMany({ where: { runId }, orderBy: { position: 'asc' } });
    const unknown = steps.filter(({ status }) => status === 'unknown');
    if (how.from === 'failed' && unknown.length && how.unknownSteps === undefined)
      throw new Fault('run_step_unknown', { extra: { steps: unknown.map(({ position }) => position) } });
    const { orgId, installId, licenceId, action, title, timeoutSeconds } = run;
    const plan = await openedPlan(deps.vault, run, ['run', orgId, runId]);
    const again = await queueRun(
      tx,
      {
        ...{ orgId, installId, licenceId, action, title, timeoutSeconds, plan, kind: run.kind as Run['kind'] },
        info: run.info ?? undefined,
        startedBy: run.startedBy,
        idempotencyKey: `retry:${runId}:${how.from}`,
      },
      deps,
    );
    await tx.run.update({ where: { id: again.id }, data: { retryOf: runId } });
    if (how.from === 'failed') await keepDone(tx, steps, again.id, how.unknownSteps);
    if (how.unknownSteps !== undefined && person !== undefined) {
      const decision = { outcome: how.unknownSteps, by: person, at: deps.clock.now().toISOString() };
      await tx.runStep.updateMany({ where: { runId, status: 'unknown' }, data: { decision } });
    }
    return again;
  });
  return readRun(deps.db, scope, id);
}

type StepRow = Awaited<ReturnType<Tx['runStep']['findMany']>>[number];

/** Copies what counts as done. Only into rows that nobody has touched: a retry that was asked for twice may be at work already. */
async function keepDone(
  tx: Tx,
  steps: readonly StepRow[],
  runId: string,
  unknownSteps: RetryRun['unknownSteps'],
): Promise<void> {
  const undone = new Set(
    steps.filter(({ role, status }) => role === 'undo' && status !== 'idle').map(({ parent }) => parent),
  );
  const counts = ({ status, role, position }: StepRow): boolean => {
    const settled: readonly StepStatus[] =
      unknownSteps === 'done' ? ['positive', 'skipped', 'unknown'] : ['positive', 'skipped'];
    return (
      role !== 'undo' &&
      settled.includes(status as StepStatus) &&
      !undone.has(position) &&
      !holdsUndone(position, steps, undone)
    );
  };
  for (const { position, status, output, attempts, startedAt, finishedAt } of steps.filter(counts))
    await tx.runStep.updateMany({
      where: { runId, position, status: 'idle' },
      data: {
        status: status === 'unknown' ? 'positive' : status,
        ...{ attempts, startedAt, finishedAt },
        ...(output === null ? {} : { output }),
      },
    });
}

/** A group is done only when nothing in it has to be done again. */
function holdsUndone(position: number, steps: readonly StepRow[], undone: ReadonlySet<number | null>): boolean {
  return steps.some(
    (step) =>
      step.parent === position &&
      step.role !== 'undo' &&
      (undone.has(step.position) || holdsUndone(step.position, steps, undone)),
  );
}
