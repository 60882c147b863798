import { randomFraction } from '@nm/kernel/ids';
import { backoffMs, systemClock } from '@nm/kernel/time';
import type { KubeSession, ObjectTarget } from '../session/kube-session.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import { objectPath } from '../transport/kube-paths.js';

/** Scaling is a number of replicas to have, or to add (or take away, when negative). */
export type Scaling = { readonly to: number } | { readonly by: number };

interface Scale {
  readonly metadata: { readonly resourceVersion?: string };
  readonly spec?: { readonly replicas?: number };
}
const conflictRetriesMax = 8;

/**
 * scaleObject writes the scale subresource and gives the number that was set. A relative change is bound to the number that it was reckoned
 * from, and reckoned anew after a conflict, so that two of them add up. @throws Fault kube_api
 */
export async function scaleObject(
  session: KubeSession,
  target: ObjectTarget,
  scaling: number | Scaling,
  options: { readonly fieldManager?: string; readonly signal?: AbortSignal | undefined } = {},
): Promise<number> {
  const path = `${objectPath(target.resource, target.namespace, target.name)}/scale`;
  const { signal, fieldManager } = options;
  const wanted = typeof scaling === 'number' ? { to: scaling } : scaling;
  for (let attempt = 1; ; attempt++) {
    const scale = await session.request<Scale>('GET', path, { signal });
    const replicas = Math.max(0, 'to' in wanted ? wanted.to : (scale.spec?.replicas ?? 0) + wanted.by);
    if (replicas === scale.spec?.replicas) return replicas;
    try {
      const body = { ...scale, spec: { ...scale.spec, replicas } };
      await session.request('PUT', path, { query: { fieldManager }, body, signal });
      return replicas;
    } catch (error) {
      if (!isKubeStatus(error, 409) || attempt > conflictRetriesMax) throw error;
      await systemClock.sleep(backoffMs(attempt, 20, 1_000, randomFraction()), signal);
    }
  }
}
