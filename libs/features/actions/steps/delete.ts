import { isKubeStatus } from '@nm/adapters/k8kat';
import { ObjectRef } from '@nm/kernel/contracts';
import { z } from 'zod';
import { duplicates, refIssues } from '../plan/plan-issue.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently, until } from './patience.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

const Targets = z.object({ targets: z.array(z.object({ ref: ObjectRef, uid: z.string().nullable() })) });
type Target = z.infer<typeof Targets>['targets'][number];

/** Deletes objects and waits until they are gone. */
export const deleteKind: StepKindSpec<'delete'> = {
  check: (step, path) => [
    ...step.refs.flatMap((ref, i) => refIssues(ref, `${path}.refs.${i}`)),
    ...duplicates(step.refs, `${path}.refs`),
  ],
  needs: async (step, needs) => {
    for (const ref of step.refs) await needs.object(ref, ['get', 'delete']);
  },
  execute: deleteObjects,
};

/**
 * deleteObjects deletes and waits until all are gone; an absent object counts as deleted. Which objects those are (their uids) is
 * written down first: done again after a crash, the step leaves alone what somebody has made anew under the same name.
 */
async function deleteObjects(step: StepOf<'delete'>, context: StepContext): Promise<unknown> {
  const targets = await chooseTargets(step.refs, context);
  const present = targets.filter((target) => target.uid !== null);
  // One after the other, each gone before the next: a database before its volume.
  const turns = step.ordered ? present.map((target) => [target]) : [present];
  for (const turn of turns) {
    for (const target of turn) await patiently(context, () => deleteOne(target, context));
    await untilGone(turn, step.timeoutSeconds, context);
  }
  return { targets };
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

async function chooseTargets(refs: readonly ObjectRef[], context: StepContext): Promise<Target[]> {
  const noted = Targets.safeParse(context.noted);
  if (noted.success) return noted.data.targets;
  const targets: Target[] = [];
  for (const ref of refs) {
    try {
      const object = await patiently(context, () => context.session.get(ref, context.namespace, context.signal));
      targets.push({ ref, uid: object?.metadata?.uid ?? null });
      if (!object) await context.log(`${objectName(ref)} is absent`);
    } catch (error) {
      throw aboutObject(error, ref);
    }
  }
  await context.note({ targets });
  return targets;
}

async function deleteOne({ ref, uid }: Target, context: StepContext): Promise<void> {
  try {
    const options = { signal: context.signal, beforeSend: () => context.guard(), ...(uid === null ? {} : { uid }) };
    const was = await context.session.delete(ref, context.namespace, options);
    if (was) await context.log(`${objectName(ref)} is being deleted`);
  } catch (error) {
    // 409: another object has the name now; the one that we meant is gone.
    if (!isKubeStatus(error, 409)) throw aboutObject(error, ref);
  }
}
