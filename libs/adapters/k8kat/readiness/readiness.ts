import type { KubeObject } from '../transport/kube-types.js';
import { podReadiness } from './pod-readiness.js';
import { type Condition, conditionOf, failed, pending, type Readiness, ready } from './readiness-state.js';
import { daemonSetReadiness, deploymentReadiness, jobReadiness, statefulSetReadiness } from './workload-readiness.js';

type Judge = (object: KubeObject) => Readiness;

/** Kinds that have a state worth waiting for; everything else is ready once it exists. */
const judges: Readonly<Record<string, Judge>> = {
  'apps/Deployment': deploymentReadiness,
  'apps/StatefulSet': statefulSetReadiness,
  'apps/DaemonSet': daemonSetReadiness,
  'batch/Job': jobReadiness,
  '/Pod': podReadiness,
  '/Service': serviceReadiness,
  '/PersistentVolumeClaim': claimReadiness,
  '/Namespace': namespaceReadiness,
  'apiextensions.k8s.io/CustomResourceDefinition': definitionReadiness,
  'apiregistration.k8s.io/APIService': apiServiceReadiness,
};

/**
 * readinessOf judges one object as it was read: `ready`, `pending` (time may help) or `failed` (it will not), with the reason in words.
 * An object that is being deleted is pending; a status that lags behind the spec says nothing yet.
 */
export function readinessOf(object: KubeObject): Readiness {
  const { apiVersion = '', kind = '' } = object;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  if (object.metadata?.deletionTimestamp) return pending('being deleted');
  return (judges[`${group}/${kind}`] ?? (() => ready('exists')))(object);
}

function serviceReadiness(object: KubeObject): Readiness {
  const spec = object['spec'] as { type?: string } | undefined;
  const status = object['status'] as { loadBalancer?: { ingress?: unknown[] } } | undefined;
  if (spec?.type !== 'LoadBalancer') return ready('exists');
  return status?.loadBalancer?.ingress?.length ? ready('has an address') : pending('waiting for an address');
}

function claimReadiness(object: KubeObject): Readiness {
  const { phase } = (object['status'] ?? {}) as { phase?: string };
  if (phase === 'Bound') return ready('bound');
  return phase === 'Lost' ? failed('Lost: its volume is gone') : pending(`${phase ?? 'Pending'}: no volume bound yet`);
}

function namespaceReadiness(object: KubeObject): Readiness {
  const { phase } = (object['status'] ?? {}) as { phase?: string };
  return phase === 'Active' ? ready('active') : pending(phase ?? 'no phase yet');
}

function definitionReadiness(object: KubeObject): Readiness {
  const { conditions } = (object['status'] ?? {}) as { conditions?: Condition[] };
  const names = conditionOf(conditions, 'NamesAccepted');
  if (names?.status === 'False') return failed(`NamesAccepted: ${names.message ?? names.reason ?? 'refused'}`);
  return conditionOf(conditions, 'Established')?.status === 'True'
    ? ready('established')
    : pending('not established yet');
}

function apiServiceReadiness(object: KubeObject): Readiness {
  const { conditions } = (object['status'] ?? {}) as { conditions?: Condition[] };
  const available = conditionOf(conditions, 'Available');
  return available?.status === 'True' ? ready('available') : pending(available?.message ?? 'not available yet');
}
