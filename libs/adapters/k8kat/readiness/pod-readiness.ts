import type { KubeObject } from '../transport/kube-types.js';
import { type Condition, conditionOf, explain, failed, pending, type Readiness, ready } from './readiness-state.js';

interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number; readonly message?: string };
  };
}

interface PodStatus {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly conditions?: readonly Condition[];
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
}

/** What a container waits for although no waiting helps: the pod's spec, image or configuration must change. */
const hopeless = new Set(['InvalidImageName', 'CreateContainerConfigError', 'ErrImageNeverPull']);
/** What may pass by itself, but is worth naming while it lasts. */
const troubled = new Set([
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'RunContainerError',
  'CreateContainerError',
]);

/**
 * podReadiness judges a pod. Crash loops and failing pulls are `pending` with that reason: a registry or a dependency may come back;
 * whoever waits decides for how long.
 */
export function podReadiness(object: KubeObject): Readiness {
  const status = (object['status'] ?? {}) as PodStatus;
  if (status.phase === 'Succeeded') return ready('Succeeded');
  if (status.phase === 'Failed') return failed(`${status.reason ?? 'Failed'}: ${status.message ?? exitOf(status)}`);
  const waiting = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].find((container) =>
    isTrouble(container.state?.waiting?.reason),
  );
  if (waiting) return judgeWaiting(waiting);
  const scheduled = conditionOf(status.conditions, 'PodScheduled');
  if (scheduled?.status === 'False') return pending(explain(scheduled, 'Unschedulable'));
  const isReady = conditionOf(status.conditions, 'Ready');
  if (isReady?.status === 'True') return ready('Ready');
  return pending(explain(isReady, status.phase ?? 'Pending'));
}

const isTrouble = (reason: string | undefined): boolean =>
  reason !== undefined && (hopeless.has(reason) || troubled.has(reason));

function judgeWaiting(container: ContainerStatus): Readiness {
  const { reason = '', message } = container.state?.waiting ?? {};
  const text = `${reason}: container ${container.name}${message ? `: ${message}` : ''}`;
  return hopeless.has(reason) ? failed(text) : pending(text);
}

function exitOf(status: PodStatus): string {
  const ended = status.containerStatuses?.find((container) => (container.state?.terminated?.exitCode ?? 0) !== 0);
  const terminated = ended?.state?.terminated;
  return terminated
    ? `container ${ended?.name} ended with ${terminated.exitCode} (${terminated.reason ?? 'Error'})`
    : 'the pod failed';
}
