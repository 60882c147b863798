import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../transport/kube-types.js';
import { readinessOf } from './readiness.js';

const object = (
  apiVersion: string,
  kind: string,
  status?: unknown,
  spec: unknown = {},
  metadata: object = {},
): KubeObject =>
  ({ apiVersion, kind, metadata: { name: 'x', generation: 2, ...metadata }, spec, status }) as KubeObject;
const deployment = (status: object, spec: object = { replicas: 2 }): KubeObject =>
  object('apps/v1', 'Deployment', { observedGeneration: 2, ...status }, spec);
const pod = (status: object): KubeObject => object('v1', 'Pod', status);
const waiting = (reason: string) =>
  pod({ phase: 'Pending', containerStatuses: [{ name: 'c', state: { waiting: { reason } } }] });
const condition = (type: string, status: string, reason?: string, message?: string) => ({
  type,
  status,
  reason,
  message,
});

const table: readonly [name: string, object: KubeObject, state: string, reason: RegExp][] = [
  ['Deployment, all there', deployment({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 }), 'ready', /2 of 2/],
  [
    'Deployment, default of one replica',
    deployment({ replicas: 1, updatedReplicas: 1, availableReplicas: 1 }, {}),
    'ready',
    /1 of 1/,
  ],
  ['Deployment, scaled to none', deployment({}, { replicas: 0 }), 'ready', /0 of 0/],
  [
    'Deployment, spec not seen yet',
    deployment({ observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 }),
    'pending',
    /newest spec/,
  ],
  ['Deployment, without status', object('apps/v1', 'Deployment'), 'pending', /newest spec/],
  [
    'Deployment, new pods missing',
    deployment({ replicas: 2, updatedReplicas: 1, availableReplicas: 2 }),
    'pending',
    /1 of 2 new/,
  ],
  [
    'Deployment, old pods left',
    deployment({ replicas: 3, updatedReplicas: 2, availableReplicas: 2 }),
    'pending',
    /1 old/,
  ],
  [
    'Deployment, not available',
    deployment({ replicas: 2, updatedReplicas: 2, availableReplicas: 1 }),
    'pending',
    /1 of 2/,
  ],
  ['Deployment, counters absent', deployment({ replicas: 2, updatedReplicas: 2 }), 'pending', /0 of 2/],
  [
    'Deployment, out of time',
    deployment({ conditions: [condition('Progressing', 'False', 'ProgressDeadlineExceeded', 'timed out')] }),
    'failed',
    /^ProgressDeadlineExceeded: timed out/,
  ],
  [
    'Deployment, refused by a quota',
    deployment({ conditions: [condition('ReplicaFailure', 'True', 'FailedCreate', 'exceeded quota')] }),
    'pending',
    /FailedCreate: exceeded quota/,
  ],
  [
    'StatefulSet, ready',
    object('apps/v1', 'StatefulSet', {
      observedGeneration: 2,
      readyReplicas: 1,
      currentRevision: 'a',
      updateRevision: 'a',
    }),
    'ready',
    /1 of 1/,
  ],
  [
    'StatefulSet, rolling',
    object(
      'apps/v1',
      'StatefulSet',
      { observedGeneration: 2, readyReplicas: 3, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
      { replicas: 3 },
    ),
    'pending',
    /1 of 3/,
  ],
  [
    'StatefulSet, rolled to its partition',
    object(
      'apps/v1',
      'StatefulSet',
      { observedGeneration: 2, readyReplicas: 3, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
      { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } },
    ),
    'ready',
    /3 of 3/,
  ],
  [
    'StatefulSet, not ready',
    object('apps/v1', 'StatefulSet', { observedGeneration: 2 }, { replicas: 2 }),
    'pending',
    /0 of 2/,
  ],
  [
    'DaemonSet, available',
    object('apps/v1', 'DaemonSet', {
      observedGeneration: 2,
      desiredNumberScheduled: 2,
      updatedNumberScheduled: 2,
      numberAvailable: 2,
    }),
    'ready',
    /2 of 2/,
  ],
  [
    'DaemonSet, no node wants it',
    object('apps/v1', 'DaemonSet', { observedGeneration: 2, desiredNumberScheduled: 0 }),
    'ready',
    /0 of 0/,
  ],
  [
    'DaemonSet, updating',
    object('apps/v1', 'DaemonSet', { observedGeneration: 2, desiredNumberScheduled: 2, numberAvailable: 2 }),
    'pending',
    /0 of 2 pods updated/,
  ],
  ['Job, complete', object('batch/v1', 'Job', { conditions: [condition('Complete', 'True')] }), 'ready', /Complete/],
  [
    'Job, failed',
    object('batch/v1', 'Job', { conditions: [condition('Failed', 'True', 'BackoffLimitExceeded', 'too often')] }),
    'failed',
    /^BackoffLimitExceeded/,
  ],
  ['Job, working', object('batch/v1', 'Job', { active: 1 }), 'pending', /1 pods active/],
  ['Pod, ready', pod({ phase: 'Running', conditions: [condition('Ready', 'True')] }), 'ready', /Ready/],
  ['Pod, succeeded', pod({ phase: 'Succeeded' }), 'ready', /Succeeded/],
  ['Pod, evicted', pod({ phase: 'Failed', reason: 'Evicted', message: 'no memory' }), 'failed', /^Evicted: no memory/],
  [
    'Pod, exited badly',
    pod({
      phase: 'Failed',
      containerStatuses: [{ name: 'c', state: { terminated: { exitCode: 3, reason: 'Error' } } }],
    }),
    'failed',
    /ended with 3/,
  ],
  ['Pod, crashing', waiting('CrashLoopBackOff'), 'pending', /^CrashLoopBackOff: container c/],
  ['Pod, image not there', waiting('ImagePullBackOff'), 'pending', /^ImagePullBackOff/],
  ['Pod, image name wrong', waiting('InvalidImageName'), 'failed', /^InvalidImageName/],
  ['Pod, creating', waiting('ContainerCreating'), 'pending', /Pending/],
  [
    'Pod, crashing in an init container',
    pod({
      phase: 'Pending',
      initContainerStatuses: [{ name: 'i', state: { waiting: { reason: 'CrashLoopBackOff' } } }],
    }),
    'pending',
    /container i/,
  ],
  [
    'Pod, unschedulable',
    pod({ phase: 'Pending', conditions: [condition('PodScheduled', 'False', 'Unschedulable', '0/2 nodes')] }),
    'pending',
    /^Unschedulable: 0\/2/,
  ],
  [
    'Pod, running and not ready',
    pod({ phase: 'Running', conditions: [condition('Ready', 'False', 'ContainersNotReady')] }),
    'pending',
    /ContainersNotReady/,
  ],
  ['Service', object('v1', 'Service'), 'ready', /exists/],
  [
    'Service, waiting for an address',
    object('v1', 'Service', { loadBalancer: {} }, { type: 'LoadBalancer' }),
    'pending',
    /address/,
  ],
  [
    'Service, with its address',
    object('v1', 'Service', { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } }, { type: 'LoadBalancer' }),
    'ready',
    /address/,
  ],
  ['PersistentVolumeClaim, bound', object('v1', 'PersistentVolumeClaim', { phase: 'Bound' }), 'ready', /bound/],
  [
    'PersistentVolumeClaim, pending',
    object('v1', 'PersistentVolumeClaim', { phase: 'Pending' }),
    'pending',
    /^Pending/,
  ],
  ['PersistentVolumeClaim, lost', object('v1', 'PersistentVolumeClaim', { phase: 'Lost' }), 'failed', /^Lost/],
  ['Namespace, active', object('v1', 'Namespace', { phase: 'Active' }), 'ready', /active/],
  [
    'Namespace, ending',
    object('v1', 'Namespace', { phase: 'Active' }, {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    'pending',
    /deleted/,
  ],
  [
    'CustomResourceDefinition, established',
    object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { conditions: [condition('Established', 'True')] }),
    'ready',
    /established/,
  ],
  [
    'CustomResourceDefinition, new',
    object('apiextensions.k8s.io/v1', 'CustomResourceDefinition'),
    'pending',
    /not established/,
  ],
  [
    'CustomResourceDefinition, name taken',
    object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
      conditions: [condition('NamesAccepted', 'False', 'PluralConflict', 'taken')],
    }),
    'failed',
    /taken/,
  ],
  ['anything else', object('v1', 'ConfigMap'), 'ready', /exists/],
  ['a kind of that name in another group', object('example.com/v1', 'Deployment'), 'ready', /exists/],
];

describe('readinessOf', () => {
  it.each(table)('%s', (_name, given, state, reason) => {
    const found = readinessOf(given);
    expect(found.state).toBe(state);
    expect(found.reason).toMatch(reason);
  });
});
