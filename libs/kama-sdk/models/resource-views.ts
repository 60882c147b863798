import type { KubeResource } from '../resolve/ports.js';
import { ternaryStatus } from '../resolve/resource-facts.js';
import { type Dict, deepGet, isDict } from '../values/dict.js';
import { readQuantity } from './quantities.js';

/** ResourceMeta is an object of the cluster in a list. */
export interface ResourceMeta {
  readonly kind: unknown;
  readonly name: unknown;
  readonly status: 'positive' | 'negative' | 'pending';
}

export const resourceMeta = (resource: KubeResource): ResourceMeta => ({
  kind: resource['kind'] ?? null,
  name: deepGet(resource, 'metadata.name'),
  status: ternaryStatus(resource),
});

const listOf = (value: unknown): readonly Dict[] => (Array.isArray(value) ? value.filter(isDict) : []);

const sum = (pods: readonly KubeResource[], path: string): number =>
  pods
    .flatMap((pod) => listOf(deepGet(pod, 'spec.containers')))
    .reduce((total, each) => total + readQuantity(deepGet(each, path)), 0);

/** ownedBy keeps the pods that a workload's selector selects. */
export function ownedBy(workload: KubeResource, pods: readonly KubeResource[]): KubeResource[] {
  const labels = deepGet(workload, 'spec.selector.matchLabels');
  if (!isDict(labels) || Object.keys(labels).length === 0) return [];
  return pods.filter((pod) => {
    const own = deepGet(pod, 'metadata.labels');
    return isDict(own) && Object.entries(labels).every(([key, value]) => own[key] === value);
  });
}

/** resourceDetail is an object with what there is to say of its kind. Values of Secrets are never shown. */
export function resourceDetail(
  resource: KubeResource,
  pods: readonly KubeResource[],
  measured: readonly KubeResource[],
): Dict {
  const meta = resourceMeta(resource);
  switch (resource['kind']) {
    case 'Deployment':
    case 'StatefulSet':
    case 'DaemonSet':
    case 'ReplicaSet':
      return { ...meta, ...workloadDetail(ownedBy(resource, pods), measured) };
    case 'ConfigMap':
      return { ...meta, data: deepGet(resource, 'data') ?? {}, intel: [] };
    case 'Role':
    case 'ClusterRole':
      return { ...meta, matrix: matrixOf(listOf(resource['rules'])), intel: [] };
    case 'ResourceQuota':
      return {
        ...meta,
        hard: deepGet(resource, 'status.hard') ?? {},
        used: deepGet(resource, 'status.used') ?? {},
        intel: [],
      };
    default:
      return { ...meta, intel: intelOf([resource]) };
  }
}

function workloadDetail(pods: readonly KubeResource[], measured: readonly KubeResource[]): Dict {
  const names = new Set(pods.map((pod) => deepGet(pod, 'metadata.name')));
  const containers = measured
    .filter((each) => names.has(deepGet(each, 'metadata.name')))
    .flatMap((each) => listOf(each['containers']));
  const used = (metric: string) =>
    containers.length === 0
      ? null
      : containers.reduce((total, each) => total + readQuantity(deepGet(each, `usage.${metric}`)), 0);
  return {
    pods: pods.map(resourceMeta),
    cpu_used: used('cpu'),
    mem_used: used('memory'),
    cpu_requested: sum(pods, 'resources.requests.cpu'),
    mem_requested: sum(pods, 'resources.requests.memory'),
    cpu_limit: sum(pods, 'resources.limits.cpu'),
    mem_limit: sum(pods, 'resources.limits.memory'),
    intel: intelOf(pods),
  };
}

/** Sentences of the cluster about what is not well. */
const intelOf = (resources: readonly KubeResource[]): string[] =>
  resources
    .flatMap((each) => listOf(deepGet(each, 'status.conditions')))
    .filter((each) => each['status'] !== 'True' && typeof each['message'] === 'string' && each['message'] !== '')
    .map((each) => String(each['message']))
    .slice(0, 20);

/** Which verbs on which resources. */
function matrixOf(rules: readonly Dict[]): Record<string, string[]> {
  const verbs = new Map<string, Set<string>>();
  for (const rule of rules)
    for (const resource of Array.isArray(rule['resources']) ? rule['resources'] : []) {
      const known = verbs.get(String(resource)) ?? new Set<string>();
      for (const verb of Array.isArray(rule['verbs']) ? rule['verbs'] : []) known.add(String(verb));
      verbs.set(String(resource), known);
    }
  return Object.fromEntries([...verbs].map(([resource, each]) => [resource, [...each].sort()]));
}
