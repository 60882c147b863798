import type { Tx } from '@nm/adapters/db';
import { CreateRun, type Run } from '@nm/kernel/contracts';
import { Fault, invariant } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { checkPlan } from './plan/check-plan.js';
import { planChanges } from './plan/plan-changes.js';
import { planDigest } from './plan/plan-digest.js';
import { planNodes } from './plan/plan-nodes.js';
import { type PlanVault, storedPlan } from './plan/sealed-plan.js';
import { rankOf } from './run-priority.js';

export interface QueueRunInput {
  readonly orgId: string;
  readonly installId: string;
  readonly licenceId: string;
  readonly kind: Run['kind'];
  readonly action: string;
  readonly title: string;
  readonly info?: string | undefined;
  /** A `RunPlan`; checked here, whoever made it. */
  readonly plan: unknown;
  readonly timeoutSeconds: number;
  readonly idempotencyKey?: string | undefined;
  readonly priority?: CreateRun['priority'];
  /** The run and the step that this one is a part of; and all runs that those are part of, the outermost first. */
  readonly parent?: { readonly runId: string; readonly step: number; readonly lineage: readonly string[] };
  /** Who asked for it; NMachine itself when nobody is named. */
  readonly startedBy?: string | undefined;
  readonly scheduleId?: string | undefined;
}

export interface QueueRunDeps {
  /** Seals what is secret in a plan. */
  readonly vault: PlanVault;
  readonly clock: Clock;
}

const Limits = CreateRun.pick({ action: true, title: true, info: true, timeoutSeconds: true, idempotencyKey: true });

/**
 * queueRun writes a run with its steps and asks the workers to take it, all in the caller's transaction: a rollback leaves no trace.
 * With an idempotency key, the same work again gives the same run.
 * @throws Fault plan_invalid; idempotency_conflict when the key was used for other work on this install
 */
export async function queueRun(tx: Tx, input: QueueRunInput, { vault, clock }: QueueRunDeps): Promise<{ id: string }> {
  const plan = checkPlan(input.plan, { action: input.action });
  const { kind, orgId, installId, licenceId } = input;
  const limits = Limits.parse({
    action: input.action,
    title: input.title,
    info: input.info,
    timeoutSeconds: input.timeoutSeconds,
    idempotencyKey: input.idempotencyKey,
  });
  const { idempotencyKey, info, ...work } = limits;
  const digest = planDigest({ ...work, info, kind, plan });
  const id = newId('run', clock.nowMs());
  const stored = await storedPlan(vault, plan, ['run', orgId, id]);
  const run = {
    ...{ ...work, id, orgId, installId, licenceId, kind, info, idempotencyKey },
    ...{ plan: stored.plan, sealedPlan: stored.sealedPlan && Buffer.from(stored.sealedPlan).toString('base64') },
    ...{ planDigest: digest, priority: rankOf(input.priority), changing: planChanges(plan) },
    ...{ startedBy: input.startedBy ?? 'nmachine', scheduleId: input.scheduleId, ...parentOf(input) },
    createdAt: clock.now(),
  };
  const steps = planNodes(plan).map(({ position, parent, role, step }) => ({
    id: newId('step', clock.nowMs()),
    ...{ position, parent, role, kind: step.kind, title: step.title },
  }));
  const [written] = await tx.$queryRaw<{ queued: boolean }[]>`
    SELECT nm_run_queue(${JSON.stringify(run)}::jsonb, ${JSON.stringify(steps)}::jsonb) AS queued`;
  return written?.queued ? { id } : sameRun(tx, installId, idempotencyKey, digest);
}

const parentOf = ({ parent }: QueueRunInput) =>
  parent ? { parentId: parent.runId, parentStep: parent.step, lineage: parent.lineage } : {};

async function sameRun(tx: Tx, installId: string, key: string | undefined, digest: string): Promise<{ id: string }> {
  invariant(key !== undefined, 'only an idempotency key makes a run a duplicate');
  const known = await tx.run.findUniqueOrThrow({
    where: { installId_idempotencyKey: { installId, idempotencyKey: key } },
    select: { id: true, planDigest: true },
  });
  if (known.planDigest !== digest) throw new Fault('idempotency_conflict');
  return { id: known.id };
}
