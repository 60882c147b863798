import { isKubeStatus } from '@nm/adapters/k8kat';
import { ObjectRef } from '@nm/kernel/contracts';
import { z } from 'zod';
import { aboutObject, objectName } from './object-name.js';
import { patiently, until } from './patience.js';
import type { StepContext, StepExecutor } from './step-context.js';

const Targets = z.object({ targets: z.array(z.object({ ref: ObjectRef, uid: z.string().nullable() })) });
type Target = z.infer<typeof Targets>['targets'][number];

/**
 * deleteObjects deletes and waits until all are gone; an absent object counts as deleted. Which objects those are (their uids) is
 * written down first: done again after a crash, the step leaves alone what somebody has made anew under the same name.
 */
export const deleteObjects: StepExecutor<'delete'> = async (step, context) => {
  const targets = await chooseTargets(step.refs, context);
  const present = targets.filter((target) => target.uid !== null);
  for (const target of present) await patiently(context, () => deleteOne(target, context));

  const open = new Map(present.map((target) => [objectName(target.ref), target]));
  const look = async (): Promise<true | undefined> => {
    for (const [name, { ref, uid }] of open) {
      const object = await context.session.get(ref, context.namespace, context.signal);
      if (object?.metadata?.uid === uid) continue;
      open.delete(name);
      await context.log(`${name} is gone`);
    }
    return open.size === 0 ? true : undefined;
  };
  await until(context, step.timeoutSeconds, look, () => `${[...open.keys()].join(', ')} still being deleted`);
  return { targets };
};

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
