import { type AccessQuestion, isKubeStatus } from '@nm/adapters/k8kat';
import type { MissingPermission, ObjectRef, RunPlan } from '@nm/kernel/contracts';
import { Fault, hasCode } from '@nm/kernel/fault';
import type { PlanIssue } from '../plan/plan-issue.js';
import type { StepSession } from '../steps/step-context.js';
import type { ClaimedRun } from './claim-run.js';
import { type KindLookup, type Need, planNeeds } from './plan-needs.js';

/** Questions to the cluster at the same time. */
const parallel = 8;

/**
 * preflight asks the cluster's own authoriser for everything that the rest of the plan needs, before the first change: a plan that is
 * not allowed must not stop half-way. @throws Fault cluster_forbidden with `missing`
 */
export async function preflight(session: StepSession, run: ClaimedRun, signal: AbortSignal): Promise<void> {
  const done = new Set(
    run.steps
      .filter(({ status, kind }) => kind !== 'group' && (status === 'positive' || status === 'skipped'))
      .map(({ position }) => position),
  );
  const isDone = (position: number) => done.has(position);
  const missing = await missingPermissions(session, run.plan, { namespace: run.namespace, signal, isDone });
  if (missing.length === 0) return;
  const words = missing.map(({ permission }) => permission);
  throw new Fault('cluster_forbidden', {
    public: `The cluster does not allow what this plan needs: ${words.slice(0, 5).join('; ')}${words.length > 5 ? '; …' : ''}.`,
    extra: { missing: words, issues: issuesOf(missing) },
  });
}

const issuesMax = 50;

/** Each place of the plan that needs what is missing. */
const issuesOf = (missing: readonly MissingPermission[]): PlanIssue[] =>
  missing
    .flatMap(({ permission, paths }) => paths.map((path) => ({ path, message: `not allowed: ${permission}` })))
    .slice(0, issuesMax);

export interface PermissionsOptions {
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly isDone?: (position: number) => boolean;
  /** Tells that the cluster does not serve a kind; it is then asked about by a guess of its plural. Left out, such a kind is a failure. */
  readonly unknownKind?: (error: unknown) => boolean;
}

/** missingPermissions lists, in words and sorted, what a plan needs and the session may not do. */
export async function missingPermissions(
  session: StepSession,
  plan: RunPlan,
  { namespace, signal, isDone, unknownKind }: PermissionsOptions,
): Promise<MissingPermission[]> {
  const lookup: KindLookup = (apiVersion, kind) =>
    session.resourceFor(apiVersion, kind).catch((error: unknown) => {
      if (!unknownKind?.(error)) throw error;
      return { apiVersion, kind, resource: `${kind.toLowerCase()}s`, namespaced: true };
    });
  const needs = await planNeeds(plan, namespace, lookup, isDone);
  return missingOf(session, needs, namespace, signal);
}

async function missingOf(session: StepSession, needs: readonly Need[], namespace: string, signal: AbortSignal) {
  const missing: MissingPermission[] = [];
  // Who may do it to every object of a kind needs no question for each one.
  const general = new Map<string, Promise<boolean>>();
  const may = async (question: AccessQuestion): Promise<boolean> => {
    const { name, ...anyName } = question;
    const key = JSON.stringify(anyName);
    const known = general.get(key) ?? session.can(anyName, signal).then(({ allowed }) => allowed);
    general.set(key, known);
    return (await known) || (name !== undefined && (await session.can(question, signal)).allowed);
  };
  const isMet = async ({ question, unlessPresent }: Need): Promise<boolean> => {
    if (await may(question)) return true;
    // Asked only now, when creating is not allowed: reading is, or is missing itself.
    return unlessPresent !== undefined && (await isPresent(session, unlessPresent, namespace, signal));
  };
  const queue = [...needs];
  const ask = async (): Promise<void> => {
    for (let need = queue.shift(); need; need = queue.shift())
      if (!(await isMet(need))) missing.push({ permission: wordsOf(need.question), paths: [...need.paths] });
  };
  await Promise.all(Array.from({ length: parallel }, ask));
  return missing.sort((a, b) => (a.permission < b.permission ? -1 : 1));
}

/** What is there need not be created; so a credential of one namespace may do the rest. */
async function isPresent(
  session: StepSession,
  ref: ObjectRef,
  namespace: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return (await session.get(ref, namespace, signal)) !== undefined;
  } catch (error) {
    if (hasCode(error, 'cluster_forbidden') || isKubeStatus(error, 404)) return false;
    throw error;
  }
}

/** `patch deployments.apps "web" in namespace shop` */
function wordsOf({ verb, group, resource, namespace, name }: AccessQuestion): string {
  const [plural, sub] = resource.split('/');
  const kind = `${plural}${group ? `.${group}` : ''}${sub ? `/${sub}` : ''}`;
  return `${verb} ${kind}${name === undefined ? '' : ` "${name}"`}${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
}
