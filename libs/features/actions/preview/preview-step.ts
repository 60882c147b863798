import type { KubeObject } from '@nm/adapters/k8kat';
import type { ObjectRef, PreviewedStep, WorkStep } from '@nm/kernel/contracts';
import { Fault, isFault, toFault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { Agent } from 'undici';
import { diffObjects } from '../changes/diff-objects.js';
import type { PlanNode } from '../plan/plan-nodes.js';
import { referencesIn, resolveReferences } from '../plan/plan-references.js';
import { runErrorOf } from '../run-error.js';
import { conditionHolds, leaves } from '../steps/condition.js';
import { executeStep, previewOfStep } from '../steps/kinds.js';
import type { StepContext, StepSession } from '../steps/step-context.js';

/** Sight is what a preview looks with. */
export interface Sight {
  /** Lets nothing through that would change the cluster. */
  readonly session: StepSession;
  readonly namespace: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly egress: Agent;
  readonly runId: string;
}

type Change = PreviewedStep['changes'][number];
type Outcome = Pick<PreviewedStep, 'outcome' | 'changes' | 'why' | 'error'>;

/** previewStep tells what a node of the plan would do now. @param path of the node in the whole plan */
export async function previewStep(node: PlanNode, path: string, sight: Sight): Promise<PreviewedStep> {
  const { position, role, step } = node;
  const place = { position, path, role, kind: step.kind, title: step.title };
  if (node.role === 'group') return { ...place, outcome: 'reads', changes: [] };
  if (node.role === 'undo') return { ...place, ...unknown('It is done only when the run fails.') };
  return { ...place, ...(await outcomeOf(node.step, position, sight)) };
}

async function outcomeOf(step: WorkStep, position: number, sight: Sight): Promise<Outcome> {
  const preview = previewOfStep(step);
  try {
    const skipped = await skipReason(step, sight);
    if (skipped !== undefined) return { outcome: 'unchanged', changes: [], why: skipped };
    if (preview === 'reads') return { outcome: 'reads', changes: [] };
    if (preview !== 'dry-run') return unknown(preview.cannot);
    const [reference] = referencesIn(step);
    if (reference) return unknown(`It needs what an earlier step gives (${reference.from}).`);
    return await tryDry(step, position, sight);
  } catch (error) {
    if (sight.signal.aborted) return unknown('There was no time left to try it.');
    const fault = toFault(error);
    if (fault.code === 'internal') throw fault;
    return { outcome: 'fails', changes: [], error: runErrorOf(fault) };
  }
}

async function tryDry(step: WorkStep, position: number, sight: Sight): Promise<Outcome> {
  const changes: Change[] = [];
  const { runId, ...rest } = sight;
  const context: StepContext = {
    ...rest,
    run: { id: runId, fence: 0 },
    position,
    dry: true,
    noted: null,
    changes: collector(changes, sight.namespace),
    children: { queue: refuse, read: refuse },
    undone: refuse,
    guard: () => sight.signal.throwIfAborted(),
    log: async () => undefined,
    note: async () => undefined,
  };
  // There is no reference in it; literals lose their marks.
  await executeStep(
    resolveReferences(step, () => undefined),
    context,
  );
  return { outcome: changes.length ? 'changes' : 'unchanged', changes };
}

const collector = (changes: Change[], namespace: string): StepContext['changes'] => ({
  begin: async () => undefined,
  drop: async () => undefined,
  end: async (ref, { before, after }) => {
    const { fields, truncated } = diffObjects(before, after);
    if (before && after && fields.length === 0) return;
    changes.push({ object: named(ref, namespace), ...verbOf(before, after), fields: [...fields], truncated });
  },
});

const named = ({ apiVersion, kind, name, namespace: own }: ObjectRef, namespace: string): ObjectRef => ({
  ...{ apiVersion, kind, name, namespace: own ?? namespace },
});

const verbOf = (before: KubeObject | undefined, after: KubeObject | undefined) => ({
  verb: after === undefined ? ('deleted' as const) : before === undefined ? ('created' as const) : ('changed' as const),
  ...(before?.metadata?.resourceVersion ? { versionBefore: before.metadata.resourceVersion } : {}),
});

/** Conditions on steps are left open; those on objects are asked as things are now. */
async function skipReason({ when }: WorkStep, sight: Sight): Promise<string | undefined> {
  if (!when || leaves(when, '').some(({ condition }) => 'step' in condition)) return undefined;
  const { holds, because } = await conditionHolds(when, sight);
  return holds ? undefined : `It is skipped as things are now: ${because}.`;
}

const unknown = (why: string): Outcome => ({ outcome: 'unknown', changes: [], why });
const refuse = () => Promise.reject(new Fault('internal', { internal: 'a preview runs no action' }));

/** isMissing tells a failure that an earlier step may prevent: something is not there yet. */
export const isMissing = ({ error }: PreviewedStep): boolean =>
  error !== undefined &&
  (error.type === 'NotFound' || error.type === 'NoKindMatch' || /does not exist|not found/.test(error.reason));

/** isNoKind tells a kind that the cluster does not serve. */
export const isNoKind = (error: unknown): boolean => isFault(error) && error.extra['reason'] === 'NoKindMatch';
