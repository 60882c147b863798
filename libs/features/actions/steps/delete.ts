import { isKubeStatus, type KubeObject } from '@nm/adapters/k8kat';
import { ObjectRef, type Victims } from '@nm/kernel/contracts';
import { z } from 'zod';
import { duplicates, type PlanIssue, refIssues } from '../plan/plan-issue.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently, until } from './patience.js';
import { recordedDelete } from './recorded-delete.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

type Step = StepOf<'delete'>;

const Targets = z.object({
  targets: z.array(z.object({ ref: ObjectRef, uid: z.string().nullable(), group: z.number().int().optional() })),
});
type Target = z.infer<typeof Targets>['targets'][number];

/** What a selection may find: a label that is on everything must not empty a namespace unseen. */
const selectedMax = 500;

/** Deletes objects and waits until they are gone. */
export const deleteKind: StepKindSpec<'delete'> = {
  preview: 'dry-run',
  check: (step, path) => [
    ...refsIssues(step.refs, `${path}.refs`),
    ...(step.groups ?? []).flatMap((group, i) => groupIssues(group, `${path}.groups.${i}`)),
    ...duplicates(
      (step.groups ?? []).flatMap(({ refs }) => refs),
      `${path}.groups`,
    ),
  ],
  needs: async (step, needs) => {
    for (const ref of [...step.refs, ...(step.groups ?? []).flatMap(({ refs }) => refs)])
      await needs.object(ref, ['get', 'delete']);
    for (const { apiVersion, kind } of (step.groups ?? []).flatMap(({ select }) => select))
      await needs.object({ apiVersion, kind, name: '' }, ['list', 'get', 'delete']);
  },
  execute: deleteObjects,
};

/**
 * deleteObjects deletes and waits until all are gone; an absent object counts as deleted. Which objects those are (their uids) is
 * written down first: done again after a crash, the step leaves alone what somebody has made anew under the same name.
 */
async function deleteObjects(step: Step, context: StepContext): Promise<unknown> {
  const targets = await chooseTargets(step, context);
  for (const turn of turnsOf(step, targets)) {
    const title = step.groups?.[turn[0]?.group ?? -1]?.title;
    if (title !== undefined) await context.log(`${title}: ${turn.length} to delete`);
    for (const target of turn) await patiently(context, () => deleteOne(target, context));
    if (!context.dry) await untilGone(turn, step.timeoutSeconds, context);
  }
  return { targets };
}

/** One turn after the other, each gone before the next: a database before its volume. */
function turnsOf(step: Step, targets: readonly Target[]): readonly (readonly Target[])[] {
  const present = targets.filter(({ uid }) => uid !== null);
  if (step.ordered) return present.map((target) => [target]);
  const groups = Map.groupBy(present, ({ group }) => group ?? 0);
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, members]) => members);
}

async function untilGone(targets: readonly Target[], timeoutSeconds: number, context: StepContext): Promise<void> {
  const open = new Map(targets.map((target) => [objectName(target.ref), target]));
  const look = async (): Promise<true | undefined> => {
    for (const [name, { ref, uid }] of open) {
      const object = await context.session.get(ref, context.namespace, context.signal);
      if (object?.metadata?.uid === uid) continue;
      open.delete(name);
      await context.log(`${name} is gone`);
    }
    return open.size === 0 ? true : undefined;
  };
  await until(context, timeoutSeconds, look, () => `${[...open.keys()].join(', ')} still being deleted`);
}

async function chooseTargets(step: Step, context: StepContext): Promise<Target[]> {
  const noted = Targets.safeParse(context.noted);
  if (noted.success) return noted.data.targets;
  const targets: Target[] = [];
  for (const ref of step.refs) targets.push(await find(ref, context));
  for (const [group, victims] of (step.groups ?? []).entries()) {
    for (const ref of victims.refs) targets.push({ ...(await find(ref, context)), group });
    for (const what of victims.select)
      for (const target of await select(what, context))
        if (!targets.some(({ uid }) => uid === target.uid)) targets.push({ ...target, group });
  }
  await context.note({ targets });
  return targets;
}

async function find(ref: ObjectRef, context: StepContext): Promise<Target> {
  try {
    const object = await patiently(context, () => context.session.get(ref, context.namespace, context.signal));
    if (!object) await context.log(`${objectName(ref)} is absent`);
    return { ref, uid: object?.metadata?.uid ?? null };
  } catch (error) {
    throw aboutObject(error, ref);
  }
}

async function select(
  { apiVersion, kind, labels }: Victims['select'][number],
  { session, namespace, signal, ...context }: StepContext,
): Promise<Target[]> {
  const labelSelector = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  const current = await session.current();
  const what = { apiVersion, kind, namespace, labelSelector, signal, objectsMax: selectedMax };
  const { items } = await patiently({ session, namespace, signal, ...context }, () => current.list(what));
  return items.map(({ metadata }: KubeObject) => ({
    ref: { apiVersion, kind, name: metadata?.name ?? '' },
    uid: metadata?.uid ?? null,
  }));
}

async function deleteOne({ ref, uid }: Target, context: StepContext): Promise<void> {
  try {
    const was = await recordedDelete(ref, uid ?? '', context);
    if (was) await context.log(`${objectName(ref)} is being deleted`);
  } catch (error) {
    // 409: another object has the name now; the one that we meant is gone.
    if (!isKubeStatus(error, 409)) throw aboutObject(error, ref);
  }
}

const refsIssues = (refs: readonly ObjectRef[], path: string): PlanIssue[] => [
  ...refs.flatMap((ref, i) => refIssues(ref, `${path}.${i}`)),
  ...duplicates(refs, path),
];

const groupIssues = ({ refs, select: chosen }: Victims, path: string): PlanIssue[] => [
  ...refs.flatMap((ref, i) => refIssues(ref, `${path}.refs.${i}`)),
  ...chosen.flatMap(({ apiVersion, kind }, i) => refIssues({ apiVersion, kind, name: 'any' }, `${path}.select.${i}`)),
];
