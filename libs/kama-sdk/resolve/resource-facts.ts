import { type Dict, deepGet, isDict, ownOf } from '../values/dict.js';

const waitingWell = new Set(['ContainerCreating', 'PullingImage', 'PodInitializing']);

/** Facts that the original's wrappers of Kubernetes objects gave under these names. */
const facts: Readonly<Record<string, (resource: Dict) => unknown>> = {
  name: (resource) => deepGet(resource, 'metadata.name'),
  namespace: (resource) => deepGet(resource, 'metadata.namespace'),
  ns: (resource) => deepGet(resource, 'metadata.namespace'),
  uid: (resource) => deepGet(resource, 'metadata.uid'),
  labels: (resource) => deepGet(resource, 'metadata.labels') ?? {},
  annotations: (resource) => deepGet(resource, 'metadata.annotations') ?? {},
  created_at: (resource) => deepGet(resource, 'metadata.creationTimestamp'),
  phase: (resource) => deepGet(resource, 'status.phase'),
  type: (resource) => deepGet(resource, 'spec.type'),
  internal_ip: (resource) => deepGet(resource, 'spec.clusterIP'),
  external_ip: externalAddress,
  ternary_status: ternaryStatus,
  desired_replicas: (resource) => deepGet(resource, 'spec.replicas') ?? 1,
  ready_replicas: (resource) => deepGet(resource, 'status.readyReplicas') ?? 0,
};

/** derivedOf gives a fact that follows from a Kubernetes object; undefined for anything else. */
export function derivedOf(value: Dict, name: string): unknown {
  if (!isDict(ownOf(value, 'metadata'))) return undefined;
  return Object.hasOwn(facts, name) ? facts[name]?.(value) : undefined;
}

function externalAddress(resource: Dict): unknown {
  const points = deepGet(resource, 'status.loadBalancer.ingress');
  const [first] = Array.isArray(points) ? (points as unknown[]) : [];
  return isDict(first) ? (ownOf(first, 'hostname') ?? ownOf(first, 'ip') ?? null) : null;
}

/** ternaryStatus says positive, negative or pending; kinds without rules of their own are positive. */
export function ternaryStatus(resource: Dict): 'positive' | 'negative' | 'pending' {
  switch (ownOf(resource, 'kind')) {
    case 'Pod':
      return podStatus(resource);
    case 'Deployment':
    case 'StatefulSet':
    case 'ReplicaSet':
      return workloadStatus(resource);
    case 'PersistentVolumeClaim':
      return deepGet(resource, 'status.phase') === 'Bound' ? 'positive' : 'pending';
    case 'Job':
      return jobStatus(resource);
    default:
      return 'positive';
  }
}

const conditionsOf = (resource: Dict): readonly Dict[] => {
  const conditions = deepGet(resource, 'status.conditions');
  return Array.isArray(conditions) ? conditions.filter(isDict) : [];
};
const holds = (resource: Dict, type: string, status = 'True'): boolean =>
  conditionsOf(resource).some((each) => each['type'] === type && each['status'] === status);

function podStatus(pod: Dict): 'positive' | 'negative' | 'pending' {
  const phase = deepGet(pod, 'status.phase');
  if (phase === 'Succeeded') return 'positive';
  if (phase === 'Failed') return 'negative';
  const unschedulable = conditionsOf(pod).some((each) => each['reason'] === 'Unschedulable');
  if (unschedulable) return 'negative';
  const statuses = deepGet(pod, 'status.containerStatuses');
  const containers = Array.isArray(statuses) ? statuses.filter(isDict) : [];
  const reasons = containers.flatMap((each) => {
    const reason = deepGet(each, 'state.waiting.reason');
    return typeof reason === 'string' ? [reason] : [];
  });
  if (reasons.some((reason) => !waitingWell.has(reason))) return 'negative';
  const running = containers.filter((each) => isDict(deepGet(each, 'state.running')));
  return phase === 'Running' && running.length === containers.length ? 'positive' : 'pending';
}

function workloadStatus(workload: Dict): 'positive' | 'negative' | 'pending' {
  if (holds(workload, 'Progressing', 'False') || holds(workload, 'ReplicaFailure')) return 'negative';
  const wanted = Number(deepGet(workload, 'spec.replicas') ?? 1);
  const observed = Number(deepGet(workload, 'status.observedGeneration') ?? 0);
  const current = Number(deepGet(workload, 'metadata.generation') ?? observed);
  const ready = Number(deepGet(workload, 'status.readyReplicas') ?? 0);
  return observed >= current && ready >= wanted ? 'positive' : 'pending';
}

const jobStatus = (job: Dict): 'positive' | 'negative' | 'pending' => {
  if (holds(job, 'Failed')) return 'negative';
  return holds(job, 'Complete') ? 'positive' : 'pending';
};
