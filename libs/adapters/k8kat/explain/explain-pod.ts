import { podResource } from '../state/pod-resources.js';
import {
  type ContainerStatusJson,
  conditionOf,
  containerStatuses,
  type PodJson,
  podTernary,
} from '../state/pod-status.js';
import { formatBytes, formatCores } from '../state/quantities.js';
import { explainContainer } from './explain-container.js';
import { type EventJson, type Explanation, eventEvidence, latest } from './explanation.js';
import { missingConfig } from './missing-config.js';
import { remedyOf, schedulingRefusals } from './scheduling.js';

/** What is known of a pod; everything but the pod may be empty. */
export interface PodFacts {
  readonly pod: PodJson;
  readonly events: readonly EventJson[];
  readonly nowMs: number;
}

type Rule = (facts: PodFacts) => Explanation | undefined;

/** explainPod says why a pod is not as it should be, most severe first; undefined when it is, or only needs time. */
export function explainPod(facts: PodFacts): Explanation | undefined {
  for (const rule of [
    stuckTerminating,
    evicted,
    deadline,
    unschedulable,
    gated,
    containers,
    sandbox,
    volumes,
    failed,
  ]) {
    const found = rule(facts);
    if (found) return found;
  }
  return undefined;
}

const stuckGraceMs = 30_000;

const stuckTerminating: Rule = ({ pod, nowMs }) => {
  // The API server sets it to when the grace period is over.
  const due = pod.metadata?.deletionTimestamp;
  if (!due || nowMs - Date.parse(due) < stuckGraceMs) return undefined;
  const finalizers = pod.metadata?.finalizers ?? [];
  const name = pod.metadata?.name;
  return {
    code: 'StuckTerminating',
    severity: 'error',
    summary: `The pod should have been gone ${Math.round((nowMs - Date.parse(due)) / 1000)} s ago.`,
    evidence: [
      { from: 'object', text: `deletionTimestamp ${due}` },
      ...(finalizers.length ? [{ from: 'object' as const, text: `finalizers: ${finalizers.join(', ')}` }] : []),
    ],
    causes: finalizers.length
      ? ['A controller has not taken its finalizer off.']
      : [`The kubelet of node ${pod.spec?.nodeName ?? '?'} does not confirm the end: is the node up?`],
    remedies: [
      {
        text: finalizers.length ? 'See to the controller of the finalizer.' : 'Look at the node.',
        command: 'kubectl get nodes',
      },
      {
        text: 'As a last resort, remove it without waiting.',
        command: `kubectl delete pod ${name} -n ${pod.metadata?.namespace} --force --grace-period=0`,
      },
    ],
    confidence: 'likely',
  };
};

const evicted: Rule = ({ pod }) => {
  const disrupted = conditionOf(pod, 'DisruptionTarget');
  const reason = pod.status?.reason;
  if (reason !== 'Evicted' && reason !== 'NodeLost' && reason !== 'Preempting' && disrupted?.status !== 'True')
    return undefined;
  const byScheduler = disrupted?.reason === 'PreemptionByScheduler';
  return {
    code: byScheduler ? 'Preempted' : reason === 'NodeLost' ? 'NodeLost' : 'Evicted',
    severity: 'error',
    summary: pod.status?.message ?? disrupted?.message ?? 'The pod was taken off its node.',
    evidence: [
      { from: 'condition', text: `${reason ?? disrupted?.reason}: ${pod.status?.message ?? disrupted?.message ?? ''}` },
    ],
    causes: byScheduler
      ? ['A pod of a higher priority needed the room.']
      : ['The node was short of memory, disk or processes, was drained, or was lost.'],
    remedies: [
      { text: 'Give the pod requests (and a priority) that reflect what it needs, and the cluster room for it.' },
      { text: 'Look at the pressure on the node.', command: `kubectl describe node ${pod.spec?.nodeName ?? ''}` },
    ],
    confidence: 'certain',
  };
};

const deadline: Rule = ({ pod }) =>
  pod.status?.reason === 'DeadlineExceeded'
    ? {
        code: 'DeadlineExceeded',
        severity: 'error',
        summary: `The pod ran longer than its activeDeadlineSeconds (${pod.spec?.activeDeadlineSeconds ?? 'of its job'}).`,
        evidence: [{ from: 'object', text: pod.status.message ?? 'DeadlineExceeded' }],
        causes: ['The work took longer than it was allowed to.'],
        remedies: [{ text: 'Allow more time, or find out what the work waits for.' }],
        confidence: 'certain',
      }
    : undefined;

const unschedulable: Rule = ({ pod }) => {
  const condition = conditionOf(pod, 'PodScheduled');
  if (condition?.status !== 'False' || condition.reason !== 'Unschedulable') return undefined;
  const refusals = schedulingRefusals(condition.message ?? '');
  const asks = `the pod asks for ${formatCores(podResource(pod, 'requests', 'cpu'))} cpu and ${formatBytes(podResource(pod, 'requests', 'memory'))} memory`;
  return {
    code: 'Unschedulable',
    severity: 'error',
    summary: refusals.length
      ? `No node takes the pod: ${refusals.map(({ nodes, reason }) => `${nodes} × ${reason}`).join('; ')}.`
      : `No node takes the pod: ${condition.message ?? 'no reason given'}`,
    evidence: [
      { from: 'condition', text: `PodScheduled: ${condition.message ?? ''}` },
      { from: 'spec', text: asks },
    ],
    causes: refusals.map(({ reason }) => reason),
    remedies: [
      ...new Set(refusals.map(({ reason }) => remedyOf(reason))),
      ...(refusals.length ? [] : ['See whether the cluster has nodes.']),
    ].map((text) => ({ text })),
    confidence: 'certain',
  };
};

const gated: Rule = ({ pod }) => {
  if (conditionOf(pod, 'PodScheduled')?.reason !== 'SchedulingGated') return undefined;
  const gates = (pod.spec?.schedulingGates ?? []).map(({ name }) => name);
  return {
    code: 'SchedulingGated',
    severity: 'warning',
    summary: `Scheduling waits for: ${gates.join(', ')}.`,
    evidence: [{ from: 'spec', text: `schedulingGates: ${gates.join(', ')}` }],
    causes: ['Whoever set the gates has not taken them off.'],
    remedies: [{ text: 'See to the controller that the gates are named after.' }],
    confidence: 'certain',
  };
};

const containers: Rule = (facts) => {
  const initial = new Set((facts.pod.status?.initContainerStatuses ?? []).map(({ name }) => name));
  for (const container of containerStatuses(facts.pod)) {
    const found = explainContainer(facts.pod, container as ContainerStatusJson, facts.events);
    if (!found) continue;
    if (!initial.has(container.name)) return found;
    return {
      ...found,
      summary: `Init container: ${found.summary}`,
      causes: [...found.causes, 'The other containers wait for it.'],
    };
  }
  return undefined;
};

const isStarting = ({ pod }: PodFacts): boolean => pod.status?.phase === 'Pending';

const sandbox: Rule = (facts) => {
  const event = isStarting(facts)
    ? latest(facts.events, ({ reason }) => reason === 'FailedCreatePodSandBox')
    : undefined;
  return (
    event && {
      code: 'SandboxFailure',
      severity: 'error',
      summary: 'The node cannot make the pod’s network or sandbox.',
      evidence: [eventEvidence(event)],
      causes: ['The node’s network plugin (CNI) or container runtime fails.'],
      remedies: [
        {
          text: 'Look at the network plugin’s pods and the kubelet of that node.',
          command: 'kubectl get pods -n kube-system -o wide',
        },
      ],
      confidence: 'certain',
    }
  );
};

const volumes: Rule = (facts) => {
  if (!isStarting(facts)) return undefined;
  const event = latest(facts.events, ({ reason }) => reason === 'FailedMount' || reason === 'FailedAttachVolume');
  const message = event?.message ?? '';
  if (!event) return undefined;
  const [, kind, name] = /(configmap|secret) "([^"]+)" not found/i.exec(message) ?? [];
  if (kind && name)
    return missingConfig(/configmap/i.test(kind) ? 'ConfigMap' : 'Secret', name, facts.pod, eventEvidence(event));
  const shared = /Multi-Attach/i.test(message);
  return {
    code: 'VolumeMount',
    severity: 'error',
    summary: shared ? 'Another node still has the volume.' : 'A volume cannot be mounted.',
    evidence: [eventEvidence(event)],
    causes: [
      shared
        ? 'The volume takes one node at a time, and its last pod has not left.'
        : 'The storage behind the volume refuses, or the claim has no volume.',
    ],
    remedies: [
      {
        text: 'Look at the claim and its events.',
        command: `kubectl describe pvc -n ${facts.pod.metadata?.namespace}`,
      },
    ],
    confidence: 'certain',
  };
};

const failed: Rule = ({ pod }) =>
  podTernary(pod) === 'negative'
    ? {
        code: 'Failed',
        severity: 'error',
        summary: pod.status?.message ?? `The pod is ${pod.status?.reason ?? pod.status?.phase ?? 'broken'}.`,
        evidence: [{ from: 'object', text: `phase ${pod.status?.phase}, reason ${pod.status?.reason ?? 'none'}` }],
        causes: [],
        remedies: [
          {
            text: 'Look at its events and logs.',
            command: `kubectl describe pod ${pod.metadata?.name} -n ${pod.metadata?.namespace}`,
          },
        ],
        confidence: 'likely',
      }
    : undefined;
