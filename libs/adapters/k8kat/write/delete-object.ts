import type { KubeSession, ObjectTarget } from '../session/kube-session.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import { objectPath } from '../transport/kube-paths.js';

export interface DeleteObjectOptions {
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
  readonly graceSeconds?: number;
  /** Delete only the object that has this uid; one that took its name counts as gone. */
  readonly uid?: string;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** deleteObject asks for deletion; false when there was nothing to delete. Finalizers may keep the object for a while. */
export async function deleteObject(
  session: KubeSession,
  target: ObjectTarget,
  options: DeleteObjectOptions = {},
): Promise<boolean> {
  const body = {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    propagationPolicy: options.propagation ?? 'Background',
    ...(options.graceSeconds === undefined ? {} : { gracePeriodSeconds: options.graceSeconds }),
    ...(options.uid ? { preconditions: { uid: options.uid } } : {}),
    ...(options.dryRun ? { dryRun: ['All'] } : {}),
  };
  try {
    const path = objectPath(target.resource, target.namespace, target.name);
    await session.request('DELETE', path, { body, signal: options.signal, idempotent: true });
    return true;
  } catch (error) {
    if (isKubeStatus(error, 404)) return false;
    // The uid in the precondition is another's: ours is gone.
    if (options.uid && isKubeStatus(error, 409) && /precondition/i.test(String(error.message))) return false;
    throw error;
  }
}
