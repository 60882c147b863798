import type { ObjectRef } from '@nm/kernel/contracts';
import type { StepContext } from './step-context.js';

/**
 * recordedDelete asks for the deletion of exactly the object that has this uid, and records it. @returns false when there was nothing to delete
 * @throws Fault kube_api 409 when another object has the name by now
 */
export async function recordedDelete(ref: ObjectRef, uid: string, context: StepContext): Promise<boolean> {
  const { session, namespace, signal, changes } = context;
  const before = await session.get(ref, namespace, signal);
  if (!before || before.metadata?.uid !== uid) return false;
  const isGoing = before.metadata.deletionTimestamp !== undefined;
  if (!isGoing) await changes.begin(ref, before);
  const was = await session.delete(ref, namespace, { signal, beforeSend: () => context.guard(), uid });
  if (!isGoing) await changes.end(ref, { before, after: undefined });
  return was;
}
