import { type SelectorJson, selects } from '../state/selector.js';
import { type EventJson, type Explanation, eventEvidence, latest } from './explanation.js';

interface WorkloadFacts {
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: {
    readonly selector?: SelectorJson;
    readonly template?: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } };
  };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** explainWorkload says why pods cannot even be made: a quota, an admission rule; undefined when that is not it. */
export function explainWorkload(object: object, events: readonly EventJson[]): Explanation | undefined {
  const { status, spec, metadata } = object as WorkloadFacts;
  const failure = status?.conditions?.find((each) => each.type === 'ReplicaFailure' && each.status === 'True');
  const event = latest(events, ({ reason }) => reason === 'FailedCreate');
  const message = failure?.message ?? event?.message;
  if (message !== undefined) {
    const evidence = [
      ...(failure ? [{ from: 'condition' as const, text: `ReplicaFailure: ${message}` }] : []),
      ...(event ? [eventEvidence(event)] : []),
    ];
    return explainRefusedPod(message, evidence, metadata?.namespace);
  }
  const labels = spec?.template?.metadata?.labels;
  if (labels && spec?.selector && !selects(spec.selector, labels))
    return {
      code: 'WrongSelector',
      severity: 'error',
      summary: 'The selector does not choose the pods that the template makes.',
      evidence: [
        { from: 'spec', text: `selector ${JSON.stringify(spec.selector)}, template ${JSON.stringify(labels)}` },
      ],
      causes: ['Selector and labels of the template were changed apart.'],
      remedies: [{ text: 'Give the template every label of the selector.' }],
      confidence: 'certain',
    };
  return undefined;
}

/** explainRefusedPod reads what the API server said when it refused to store a pod. */
export function explainRefusedPod(
  message: string,
  evidence: Explanation['evidence'],
  namespace: string | undefined,
): Explanation {
  const [, quota, asked, used, limited] =
    /exceeded quota: ([^,]+), requested: (.*?), used: (.*?), limited: (.*?)(?:$|\s*\()/.exec(message) ?? [];
  const base = { severity: 'error' as const, evidence, confidence: 'certain' as const };
  if (quota)
    return {
      ...base,
      code: 'QuotaExceeded',
      summary: `Quota "${quota}" is used up: wanted ${asked}, used ${used}, allowed ${limited}.`,
      causes: ['The namespace may not use more.'],
      remedies: [
        {
          text: 'Make room (scale something down, lower requests), or raise the quota.',
          command: `kubectl describe quota ${quota} -n ${namespace}`,
        },
      ],
    };
  const [, must] = /failed quota: [^:]+: must specify (.*)/.exec(message) ?? [];
  if (must)
    return {
      ...base,
      code: 'QuotaExceeded',
      summary: `A quota wants every container to say: ${must}.`,
      causes: ['The namespace has a quota on these, and the containers do not set them.'],
      remedies: [{ text: 'Set these requests and limits on every container, or make a LimitRange with defaults.' }],
    };
  if (/serviceaccount .* not found/i.test(message))
    return {
      ...base,
      code: 'ServiceAccountMissing',
      summary: 'The service account of the pods is not there.',
      causes: [message],
      remedies: [{ text: `Make the service account in namespace ${namespace}, or name another.` }],
    };
  return {
    ...base,
    code: 'AdmissionDenied',
    summary: `The cluster refuses the pods: ${message}`,
    causes: [
      /PodSecurity/.test(message)
        ? 'The namespace’s pod security level forbids what the pods want.'
        : 'An admission rule refuses them.',
    ],
    remedies: [{ text: 'Change the pods’ spec as the message says, or the rule.' }],
  };
}
