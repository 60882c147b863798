/** Rollout is how far a workload is with what its spec wants. */
export interface Rollout {
  readonly state: 'done' | 'waiting' | 'failed';
  /** As `kubectl rollout status` says it. */
  readonly message: string;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}
interface Workload {
  readonly metadata?: { readonly generation?: number; readonly name?: string };
  readonly spec?: { readonly replicas?: number; readonly paused?: boolean };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly Condition[];
  };
}

const waiting = (message: string): Rollout => ({ state: 'waiting', message });
const done = (message: string): Rollout => ({ state: 'done', message });
const lags = (object: Workload): boolean =>
  (object.status?.observedGeneration ?? 0) < (object.metadata?.generation ?? 0);
const notSeen = waiting('the spec has not been observed yet');

/** deploymentRollout follows kubectl's algorithm for deployments. */
export function deploymentRollout(object: Workload): Rollout {
  if (lags(object)) return notSeen;
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0, conditions = [] } = object.status ?? {};
  const progress = conditions.find(({ type }) => type === 'Progressing');
  if (progress?.reason === 'ProgressDeadlineExceeded')
    return { state: 'failed', message: progress.message ?? 'the progress deadline was exceeded' };
  const desired = object.spec?.replicas ?? 1;
  if (updatedReplicas < desired) return waiting(`${updatedReplicas} of ${desired} new replicas have been updated`);
  if (replicas > updatedReplicas) return waiting(`${replicas - updatedReplicas} old replicas are pending termination`);
  if (availableReplicas < updatedReplicas)
    return waiting(`${availableReplicas} of ${updatedReplicas} updated replicas are available`);
  return done('successfully rolled out');
}

interface StatefulSet extends Workload {
  readonly spec?: Workload['spec'] & {
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
  };
  readonly status?: Workload['status'] & { readonly currentRevision?: string; readonly updateRevision?: string };
}

/** statefulSetRollout follows kubectl's algorithm for stateful sets; with OnDelete there is nothing to wait for. */
export function statefulSetRollout(object: StatefulSet): Rollout {
  if (object.spec?.updateStrategy?.type === 'OnDelete') return done('updated as its pods are deleted');
  if (lags(object)) return notSeen;
  const { readyReplicas = 0, updatedReplicas = 0, currentRevision, updateRevision } = object.status ?? {};
  const desired = object.spec?.replicas ?? 1;
  if (readyReplicas < desired) return waiting(`${desired - readyReplicas} pods are not ready`);
  const partition = object.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  if (partition > 0) {
    if (updatedReplicas < desired - partition)
      return waiting(`${updatedReplicas} of ${desired - partition} new pods have been updated`);
    return done(`partitioned roll out complete: ${updatedReplicas} new pods have been updated`);
  }
  if (updateRevision !== currentRevision) return waiting(`${updatedReplicas} pods are at revision ${updateRevision}`);
  return done('successfully rolled out');
}

interface DaemonSet {
  readonly metadata?: Workload['metadata'];
  readonly spec?: { readonly updateStrategy?: { readonly type?: string } };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
  };
}

/** daemonSetRollout follows kubectl's algorithm for daemon sets. */
export function daemonSetRollout(object: DaemonSet): Rollout {
  if (object.spec?.updateStrategy?.type === 'OnDelete') return done('updated as its pods are deleted');
  if ((object.status?.observedGeneration ?? 0) < (object.metadata?.generation ?? 0)) return notSeen;
  const { desiredNumberScheduled: desired = 0, updatedNumberScheduled = 0, numberAvailable = 0 } = object.status ?? {};
  if (updatedNumberScheduled < desired) return waiting(`${updatedNumberScheduled} of ${desired} new pods were made`);
  if (numberAvailable < desired) return waiting(`${numberAvailable} of ${desired} pods are available`);
  return done('successfully rolled out');
}

interface Job {
  readonly spec?: { readonly suspend?: boolean; readonly completions?: number; readonly parallelism?: number };
  readonly status?: {
    readonly succeeded?: number;
    readonly conditions?: readonly Condition[];
    readonly terminating?: number;
  };
  readonly metadata?: { readonly deletionTimestamp?: string };
}

/** jobStatus gives what kubectl shows in the column STATUS of jobs. */
export function jobStatus(job: Job): string {
  const has = (type: string) => job.status?.conditions?.some((each) => each.type === type && each.status === 'True');
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (job.metadata?.deletionTimestamp) return 'Terminating';
  if (has('Suspended')) return 'Suspended';
  return has('FailureTarget') ? 'FailureTarget' : 'Running';
}

/** jobCompletions gives what kubectl shows in the column COMPLETIONS: `2/3`, or `1/1 of 3` for work queues. */
export function jobCompletions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

/** ternaryOf puts a rollout in one word. */
export function ternaryOf({ state }: Rollout): 'positive' | 'pending' | 'negative' {
  if (state === 'done') return 'positive';
  return state === 'failed' ? 'negative' : 'pending';
}
