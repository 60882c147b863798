import type { PodJson } from './pod-status.js';
import { sumQuantities } from './quantities.js';

type What = 'requests' | 'limits';

/**
 * podResource gives what a pod asks for (or may use at most) of `cpu` (cores), `memory` or `ephemeral-storage` (bytes), as the scheduler counts:
 * the main containers and sidecars together, or the neediest init container with the sidecars that run by then, plus overhead.
 */
export function podResource(pod: PodJson, what: What, resource: string): number {
  const amount = (container: { resources?: { requests?: object; limits?: object } }): number =>
    sumQuantities([(container.resources?.[what] as Record<string, string> | undefined)?.[resource]]);
  let sidecars = 0;
  let neediest = 0;
  for (const container of pod.spec?.initContainers ?? []) {
    if (container.restartPolicy === 'Always') sidecars += amount(container);
    neediest = Math.max(neediest, sidecars + (container.restartPolicy === 'Always' ? 0 : amount(container)));
  }
  const mains = (pod.spec?.containers ?? []).reduce((sum, container) => sum + amount(container), 0);
  const overhead = sumQuantities([(pod.spec?.overhead as Record<string, string> | undefined)?.[resource]]);
  return Math.round((Math.max(mains + sidecars, neediest) + overhead) * 1e9) / 1e9;
}
