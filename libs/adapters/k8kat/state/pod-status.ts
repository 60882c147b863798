import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import type { Json } from '../kinds/kube-json.js';

export type PodJson = Json<V1Pod>;
export type ContainerStatusJson = Json<V1ContainerStatus>;

/** Reasons of a container that waits as every container does before it starts. */
const normalWaits = new Set(['ContainerCreating', 'PodInitializing', 'PullingImage']);

/** podStatus gives what kubectl shows in the column STATUS: `Running`, `CrashLoopBackOff`, `Init:1/2`, `Terminating`. */
export function podStatus(pod: PodJson): string {
  const { status } = pod;
  const gated = conditionOf(pod, 'PodScheduled')?.reason === 'SchedulingGated';
  let reason = gated ? 'SchedulingGated' : (status?.reason ?? status?.phase ?? 'Unknown');
  const initial = initStatus(pod);
  if (initial !== undefined && conditionOf(pod, 'Initialized')?.status !== 'True') reason = initial;
  else reason = mainStatus(pod, reason);
  if (!pod.metadata?.deletionTimestamp) return reason;
  if (status?.reason === 'NodeLost') return 'Unknown';
  return isOver(pod) ? reason : 'Terminating';
}

/** What the init containers say; undefined when they are all done. */
function initStatus(pod: PodJson): string | undefined {
  const specs = pod.spec?.initContainers ?? [];
  for (const [index, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (isSidecar(pod, container.name) && container.started) continue;
    if (terminated) return `Init:${endOf(terminated)}`;
    if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
    return `Init:${index}/${specs.length}`;
  }
  return undefined;
}

function mainStatus(pod: PodJson, fallback: string): string {
  let reason = fallback;
  let running = false;
  for (const container of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    const { waiting, terminated, running: runs } = container.state ?? {};
    if (waiting?.reason) reason = waiting.reason;
    else if (terminated) reason = endOf(terminated);
    else if (runs && container.ready) running = true;
  }
  if (reason !== 'Completed' || !running) return reason;
  return conditionOf(pod, 'Ready')?.status === 'True' ? 'Running' : 'NotReady';
}

type Termination = NonNullable<NonNullable<ContainerStatusJson['state']>['terminated']>;

const endOf = ({ reason, signal, exitCode }: Termination): string =>
  reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);

/** conditionOf finds a condition of a pod by its type. */
export const conditionOf = (pod: PodJson, type: string) =>
  pod.status?.conditions?.find((condition) => condition.type === type);

/** A native sidecar is an init container that goes on beside the others. */
const isSidecar = (pod: PodJson, name: string): boolean =>
  pod.spec?.initContainers?.some((container) => container.name === name && container.restartPolicy === 'Always') ??
  false;

export const isOver = (pod: PodJson): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** containerStatuses gives the statuses of every container, init containers first. */
export const containerStatuses = (pod: PodJson): readonly ContainerStatusJson[] => [
  ...(pod.status?.initContainerStatuses ?? []),
  ...(pod.status?.containerStatuses ?? []),
];

/** countsOf counts containers as kubectl does: sidecars belong to those that must be ready. */
export function countsOf(pod: PodJson): { readonly ready: number; readonly total: number; readonly restarts: number } {
  const sidecars = (pod.status?.initContainerStatuses ?? []).filter(({ name }) => isSidecar(pod, name));
  const counted = [...sidecars, ...(pod.status?.containerStatuses ?? [])];
  const inSpec = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always').length;
  return {
    ready: counted.filter((container) => container.ready && container.state?.running).length,
    total: inSpec + (pod.spec?.containers?.length ?? 0),
    restarts: containerStatuses(pod).reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0),
  };
}

/** lastTermination is the newest end of a container's run, current or before the last restart. */
export function lastTermination(pod: PodJson): (Termination & { readonly container: string }) | undefined {
  return containerStatuses(pod)
    .flatMap(({ name, state, lastState }) =>
      [state?.terminated, lastState?.terminated].flatMap((end) => (end ? [{ ...end, container: name }] : [])),
    )
    .sort((left, right) => Date.parse(`${right.finishedAt ?? 0}`) - Date.parse(`${left.finishedAt ?? 0}`))[0];
}

/**
 * podTernary says what a pod's state amounts to. Working: ready, or done. Broken: failed, a container that ended with an error or waits for
 * what does not come by itself, not schedulable, or running and kept out of service by a probe that fails. Else pending.
 */
export function podTernary(pod: PodJson): 'positive' | 'pending' | 'negative' {
  const phase = pod.status?.phase;
  if (phase === 'Succeeded') return 'positive';
  if (phase === 'Failed') return 'negative';
  if (pod.metadata?.deletionTimestamp) return 'pending';
  if (conditionOf(pod, 'PodScheduled')?.reason === 'Unschedulable') return 'negative';
  if (containerStatuses(pod).some((container) => isTroubled(pod, container))) return 'negative';
  if (phase !== 'Running') return 'pending';
  if (conditionOf(pod, 'Ready')?.status === 'True') return 'positive';
  return isKeptOut(pod) ? 'negative' : 'pending';
}

/** isTroubled tells a container that needs somebody: it waits for what does not come, or ended with an error. */
export function isTroubled(pod: PodJson, container: ContainerStatusJson): boolean {
  const { waiting, terminated } = container.state ?? {};
  if (waiting) return waiting.reason !== undefined && !normalWaits.has(waiting.reason);
  if (!terminated) return false;
  return terminated.exitCode !== 0 && pod.spec?.restartPolicy !== 'Never';
}

/** Every container runs and has started, and still the pod is not ready: a readiness probe (or gate) says no. */
function isKeptOut(pod: PodJson): boolean {
  const mains = pod.status?.containerStatuses ?? [];
  return mains.length > 0 && mains.every(({ state, started }) => state?.running && started !== false);
}
