import type { KubeObject } from '../transport/kube-types.js';
import { type Condition, conditionOf, explain, failed, pending, type Readiness, ready } from './readiness-state.js';

interface WorkloadSpec {
  readonly replicas?: number;
  readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
}

/** Counters are absent, not zero, when they are zero. */
interface WorkloadStatus {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly currentRevision?: string;
  readonly updateRevision?: string;
  readonly desiredNumberScheduled?: number;
  readonly updatedNumberScheduled?: number;
  readonly numberAvailable?: number;
  readonly conditions?: readonly Condition[];
}

const specOf = (object: KubeObject): WorkloadSpec => (object['spec'] ?? {}) as WorkloadSpec;
const statusOf = (object: KubeObject): WorkloadStatus => (object['status'] ?? {}) as WorkloadStatus;
const isStale = (object: KubeObject): boolean =>
  (statusOf(object).observedGeneration ?? 0) < (object.metadata?.generation ?? 0);
const stale = pending('the controller has not seen the newest spec yet');

/** deploymentReadiness follows `kubectl rollout status`: the new pods are all there, available, and the old ones gone. */
export function deploymentReadiness(object: KubeObject): Readiness {
  if (isStale(object)) return stale;
  const status = statusOf(object);
  const progressing = conditionOf(status.conditions, 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded')
    return failed(explain(progressing, 'ProgressDeadlineExceeded'));
  const wanted = specOf(object).replicas ?? 1;
  const { updatedReplicas: updated = 0, replicas = 0, availableReplicas: available = 0 } = status;
  if (updated < wanted) return pending(explainFailure(status, `${updated} of ${wanted} new replicas created`));
  if (replicas > updated) return pending(`${replicas - updated} old replicas are ending`);
  if (available < updated) return pending(`${available} of ${updated} replicas available`);
  return ready(`${available} of ${wanted} replicas available`);
}

/** A quota or an admission rule that refuses pods shows here and nowhere else. */
const explainFailure = (status: WorkloadStatus, otherwise: string): string => {
  const failure = conditionOf(status.conditions, 'ReplicaFailure');
  return failure?.status === 'True' ? explain(failure, otherwise) : otherwise;
};

export function statefulSetReadiness(object: KubeObject): Readiness {
  if (isStale(object)) return stale;
  const { replicas: wanted = 1, updateStrategy } = specOf(object);
  const status = statusOf(object);
  const { readyReplicas = 0, updatedReplicas = 0 } = status;
  if (readyReplicas < wanted) return pending(`${readyReplicas} of ${wanted} replicas ready`);
  if (updateStrategy?.type === 'OnDelete') return ready(`${readyReplicas} of ${wanted} replicas ready`);
  const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
  const updatesWanted = Math.max(0, wanted - partition);
  const rolledOut = status.updateRevision === status.currentRevision || updatedReplicas >= updatesWanted;
  return rolledOut
    ? ready(`${readyReplicas} of ${wanted} replicas ready`)
    : pending(`${updatedReplicas} of ${updatesWanted} replicas updated`);
}

export function daemonSetReadiness(object: KubeObject): Readiness {
  if (isStale(object)) return stale;
  const {
    desiredNumberScheduled: wanted = 0,
    updatedNumberScheduled: updated = 0,
    numberAvailable = 0,
  } = statusOf(object);
  if (specOf(object).updateStrategy?.type !== 'OnDelete' && updated < wanted)
    return pending(`${updated} of ${wanted} pods updated`);
  return numberAvailable < wanted
    ? pending(`${numberAvailable} of ${wanted} pods available`)
    : ready(`${numberAvailable} of ${wanted} pods available`);
}

export function jobReadiness(object: KubeObject): Readiness {
  const { conditions } = statusOf(object);
  const failure = conditionOf(conditions, 'Failed');
  if (failure?.status === 'True') return failed(explain(failure, 'Failed'));
  if (conditionOf(conditions, 'Complete')?.status === 'True') return ready('Complete');
  if (conditionOf(conditions, 'Suspended')?.status === 'True') return pending('Suspended');
  const { active = 0, succeeded = 0 } = (object['status'] ?? {}) as { active?: number; succeeded?: number };
  return pending(`${active} pods active, ${succeeded} succeeded`);
}
