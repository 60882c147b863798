import { isKubeStatus } from '@nm/adapters/k8kat';
import type { ObjectRef } from '@nm/kernel/contracts';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import { recordedDelete } from './recorded-delete.js';
import type { StepContext, StepOf } from './step-context.js';

/** Label of everything that a pruning apply has made; its value names the owner within the install's namespace. */
export const ownerLabel = 'nmachine.io/owner';

/**
 * prune deletes the owner's objects in the install's namespace that are not among those to keep, and tells which.
 * @throws Fault what the cluster answers
 */
export async function prune(
  { owner, kinds }: NonNullable<StepOf<'apply'>['prune']>,
  keep: readonly ObjectRef[],
  context: StepContext,
): Promise<ObjectRef[]> {
  const { session, namespace, signal } = context;
  const kept = new Set(keep.map(({ apiVersion, kind, name }) => `${apiVersion} ${kind} ${name}`));
  const gone: ObjectRef[] = [];
  for (const { apiVersion, kind } of kinds) {
    const current = await session.current();
    const labelSelector = `${ownerLabel}=${owner}`;
    const { items } = await patiently(context, () =>
      current.list({ apiVersion, kind, namespace, labelSelector, signal }),
    );
    for (const { metadata } of items) {
      const ref: ObjectRef = { apiVersion, kind, name: metadata?.name ?? '' };
      if (kept.has(`${apiVersion} ${kind} ${ref.name}`) || metadata?.deletionTimestamp) continue;
      await patiently(context, () => deleteExactly(ref, metadata?.uid ?? '', context));
      await context.log(`${objectName(ref)} is no longer named and was deleted`);
      gone.push(ref);
    }
  }
  return gone;
}

async function deleteExactly(ref: ObjectRef, uid: string, context: StepContext): Promise<void> {
  try {
    await recordedDelete(ref, uid, context);
  } catch (error) {
    // 409: another object has the name by now, and it is not the one that we looked at.
    if (!isKubeStatus(error, 409)) throw aboutObject(error, ref);
  }
}
