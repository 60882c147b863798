import type { RunError, RunStatus } from '@nm/kernel/contracts';
import { invariant } from '@nm/kernel/fault';
import { queueRun } from '../queue-run.js';
import type { ChildRun, ChildRuns } from '../steps/step-context.js';
import type { ClaimedRun } from './claim-run.js';
import type { RunEngine } from './run-engine.js';

/** childRuns queues and reads the runs that are a step of this one. */
export const childRuns = ({ db, clock, vault }: RunEngine, run: ClaimedRun, position: number): ChildRuns => ({
  queue: (child) => db.asSystem(async (tx) => (await queueRun(tx, inputOf(child, run, position), { clock, vault })).id),
  read: (runId) =>
    db.asSystem(async (tx) => {
      const child = await tx.run.findUnique({ where: { id: runId }, select: { status: true, error: true } });
      invariant(child, `run ${run.id} has a child ${runId}`);
      return { status: child.status as RunStatus, error: (child.error as RunError | null) ?? undefined };
    }),
});

function inputOf({ attempt, ...child }: ChildRun, run: ClaimedRun, position: number) {
  const { orgId, installId, licenceId, kind, id, lineage } = run;
  return {
    ...child,
    ...{ orgId, installId, licenceId, kind },
    // The same child, however often its parent's worker dies between asking for it and writing it down.
    idempotencyKey: `child:${id}:${position}:${attempt}`,
    parent: { runId: id, step: position, lineage: [...lineage, id] },
  };
}
