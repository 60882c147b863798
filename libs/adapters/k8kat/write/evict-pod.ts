import type { KubeSession } from '../session/kube-session.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import { segment } from '../transport/kube-paths.js';

export interface EvictOptions {
  readonly graceSeconds?: number;
  readonly signal?: AbortSignal | undefined;
}

/** evictPod asks for a pod's eviction; false when it was gone. @throws Fault kube_api with status 429 when a budget forbids it now */
export async function evictPod(
  session: KubeSession,
  pod: { readonly ns: string; readonly name: string; readonly uid: string },
  options: EvictOptions = {},
): Promise<boolean> {
  const grace = options.graceSeconds === undefined ? {} : { gracePeriodSeconds: options.graceSeconds };
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: pod.name, namespace: pod.ns },
    deleteOptions: { ...grace, preconditions: { uid: pod.uid } },
  };
  const path = `/api/v1/namespaces/${segment(pod.ns)}/pods/${segment(pod.name)}/eviction`;
  try {
    await session.request('POST', path, { body, signal: options.signal });
    return true;
  } catch (error) {
    if (isKubeStatus(error, 404) || isKubeStatus(error, 409)) return false;
    throw error;
  }
}
