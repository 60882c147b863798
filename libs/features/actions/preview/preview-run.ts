import type { CreateRun, ObjectRef, PreviewedStep, RunPlan, RunPreview } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { Agent } from 'undici';
import { missingPermissions } from '../engine/preflight.js';
import type { RunSessions } from '../engine/run-engine.js';
import { checkPlan } from '../plan/check-plan.js';
import { planNodes } from '../plan/plan-nodes.js';
import { chooseReadyInstall, type RunPrincipal, type StartRunDeps } from '../start-run.js';
import { stepSession } from '../steps/step-context.js';
import { drySession } from './dry-session.js';
import { isMissing, isNoKind, previewStep, type Sight } from './preview-step.js';

export interface PreviewDeps extends Omit<StartRunDeps, 'vault'> {
  readonly sessions: Pick<RunSessions, 'forInstall'>;
}

/** So long a preview may take, in milliseconds; what was not tried by then is said to be unknown. */
const previewMsMax = 25_000;

/**
 * previewRun tells what a run would do now: which permissions it lacks, and by dry runs on the cluster which objects each step would change, from what to
 * what. Nothing is stored, and nothing on the cluster changes.
 * @throws Fault plan_invalid, not_found, install_required, install_ambiguous, install_not_ready; what the cluster answers when it cannot be asked at all
 */
export async function previewRun(deps: PreviewDeps, principal: RunPrincipal, body: CreateRun): Promise<RunPreview> {
  const { db, clock, sessions } = deps;
  const plan = checkPlan(body.plan, { action: body.action });
  const install = await db.withOrg(principal.orgId, (tx) => chooseReadyInstall(tx, principal, body.installId));
  const { namespace, id: installId } = install;
  const session = stepSession(() => sessions.forInstall(installId));
  const signal = AbortSignal.timeout(previewMsMax);
  const egress = new Agent();
  try {
    const sight = {
      session: drySession(session),
      namespace,
      clock,
      signal,
      egress,
      runId: newId('run', clock.nowMs()),
    };
    const missing = await missingPermissions(session, plan, { namespace, signal, unknownKind: isNoKind });
    return { installId, action: body.action, missing, steps: await previewSteps(plan, sight) };
  } finally {
    await egress.destroy();
  }
}

async function previewSteps(plan: RunPlan, sight: Sight): Promise<PreviewedStep[]> {
  const steps: PreviewedStep[] = [];
  await walk(plan, '', sight, steps);
  return steps.map((step, i) => inItsPlace(step, steps.slice(0, i)));
}

/** The steps of other actions that the plan runs stand after the step that runs them. */
async function walk(plan: RunPlan, prefix: string, sight: Sight, steps: PreviewedStep[]): Promise<void> {
  for (const node of planNodes(plan)) {
    const path = `${prefix}${node.path}`;
    steps.push(await previewStep(node, path, sight));
    if (node.step.kind === 'run-action') await walk(node.step.plan, `${path}.plan.`, sight, steps);
  }
}

/** Dry runs leave nothing behind for the next: what builds on an earlier step is said to. */
function inItsPlace(step: PreviewedStep, earlier: readonly PreviewedStep[]): PreviewedStep {
  const makesSomething = earlier.some(({ outcome, changes }) =>
    outcome === 'unknown' ? true : changes.some(({ verb }) => verb === 'created'),
  );
  if (step.outcome === 'fails' && isMissing(step) && makesSomething) {
    const { error, ...rest } = step;
    return { ...rest, outcome: 'unknown', why: `It builds on an earlier step: ${error?.reason ?? ''}` };
  }
  const own = new Set(step.changes.map(({ object }) => keyOf(object)));
  const after = earlier.filter(({ changes }) => changes.some(({ object }) => own.has(keyOf(object))));
  return after.length ? { ...step, after: after.map(({ position }) => position) } : step;
}

const keyOf = ({ apiVersion, kind, namespace, name }: ObjectRef): string =>
  `${apiVersion} ${kind} ${namespace ?? ''} ${name}`;
