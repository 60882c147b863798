import type { PodJson } from '../state/pod-status.js';
import { hasAll } from '../state/selector.js';
import type { Explanation } from './explanation.js';

interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly protocol?: string;
}

/** What is known of a service: its pods are those of its namespace, chosen or not. */
export interface ServiceFacts {
  readonly name: string;
  readonly namespace: string;
  readonly type: string;
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly ports: readonly ServicePort[];
  readonly hasAddress: boolean;
  readonly readyAddresses: number;
  readonly pods: readonly PodJson[];
}

/** explainService says why a service leads nowhere; undefined when it has somewhere to send to. */
export function explainService(facts: ServiceFacts): Explanation | undefined {
  const { selector } = facts;
  if (facts.type === 'ExternalName') return undefined;
  if (!selector || Object.keys(selector).length === 0)
    return facts.readyAddresses > 0 ? undefined : withoutSelector(facts);
  const chosen = facts.pods.filter(({ metadata }) => hasAll(selector, metadata?.labels));
  if (chosen.length === 0) return wrongSelector(facts, selector);
  const unnamed = facts.ports.find(
    ({ targetPort }) => typeof targetPort === 'string' && !chosen.some((pod) => portNames(pod).includes(targetPort)),
  );
  if (unnamed) return wrongPort(facts, unnamed, chosen);
  if (facts.readyAddresses === 0) return noneReady(facts, chosen);
  return facts.type === 'LoadBalancer' && !facts.hasAddress ? noAddress(facts) : undefined;
}

const pairsOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

const portNames = (pod: PodJson): (string | undefined)[] =>
  (pod.spec?.containers ?? []).flatMap(({ ports = [] }) => ports.map(({ name }) => name));

function wrongSelector(facts: ServiceFacts, selector: Readonly<Record<string, string>>): Explanation {
  const total = Object.keys(selector).length;
  const matches = (pod: PodJson): number =>
    Object.entries(selector).filter(([key, value]) => pod.metadata?.labels?.[key] === value).length;
  const [nearest] = facts.pods.filter((pod) => matches(pod) > 0).sort((left, right) => matches(right) - matches(left));
  const keys = new Set(Object.keys(selector));
  const alike = facts.pods.find(({ metadata }) => Object.keys(metadata?.labels ?? {}).some((key) => keys.has(key)));
  const shown = nearest ?? alike;
  return {
    code: 'WrongSelector',
    severity: 'error',
    summary: `The selector ${pairsOf(selector)} chooses none of the ${facts.pods.length} pods of namespace ${facts.namespace}.`,
    evidence: [
      { from: 'spec', text: `selector ${pairsOf(selector)}` },
      ...(shown
        ? [
            {
              from: 'object' as const,
              text: `pod ${shown.metadata?.name} has ${matches(shown)} of ${total} pairs: ${pairsOf(shown.metadata?.labels ?? {})}`,
            },
          ]
        : []),
    ],
    causes: [
      shown
        ? 'The selector and the labels of the pods differ.'
        : 'The pods are not there: their workload is missing, scaled to 0, or in another namespace.',
    ],
    remedies: [
      {
        text: 'Make the selector equal to the labels of the pods’ template.',
        command: `kubectl get pods -n ${facts.namespace} --show-labels`,
      },
    ],
    confidence: 'certain',
  };
}

function wrongPort(facts: ServiceFacts, port: ServicePort, chosen: readonly PodJson[]): Explanation {
  const names = [...new Set(chosen.flatMap(portNames).filter(Boolean))];
  return {
    code: 'WrongPort',
    severity: 'error',
    summary: `No chosen pod has a port named "${port.targetPort}".`,
    evidence: [
      { from: 'spec', text: `port ${port.port} leads to "${port.targetPort}"` },
      { from: 'object', text: `the pods name: ${names.join(', ') || 'no ports'}` },
    ],
    causes: ['The name in targetPort is not the name of a container’s port.'],
    remedies: [{ text: `Name the container’s port, or use its number, in service ${facts.name}.` }],
    confidence: 'certain',
  };
}

function noneReady(facts: ServiceFacts, chosen: readonly PodJson[]): Explanation {
  return {
    code: 'NoReadyEndpoints',
    severity: 'error',
    summary: `It chooses ${chosen.length} pods, and none of them is ready.`,
    evidence: chosen.slice(0, 5).map((pod) => ({
      from: 'object' as const,
      text: `pod ${pod.metadata?.name}: ${pod.status?.phase ?? 'Unknown'}`,
    })),
    causes: ['The pods do not run, or their readiness probes fail.'],
    remedies: [
      {
        text: 'See why the pods are not ready.',
        command: `kubectl get pods -n ${facts.namespace} -l ${pairsOf(facts.selector ?? {})}`,
      },
    ],
    confidence: 'certain',
  };
}

const withoutSelector = (facts: ServiceFacts): Explanation => ({
  code: 'NoEndpoints',
  severity: 'warning',
  summary: 'It has no selector, and nobody has given it addresses.',
  evidence: [{ from: 'spec', text: 'no selector' }],
  causes: ['Services without a selector need EndpointSlices that somebody makes.'],
  remedies: [{ text: `Give service ${facts.name} a selector, or EndpointSlices of its own.` }],
  confidence: 'certain',
});

const noAddress = (facts: ServiceFacts): Explanation => ({
  code: 'NoLoadBalancer',
  severity: 'warning',
  summary: 'It has got no outside address yet.',
  evidence: [{ from: 'object', text: 'status.loadBalancer is empty' }],
  causes: ['The cluster has no load balancer controller, or it has not finished.'],
  remedies: [
    {
      text: 'Look at the events of the service.',
      command: `kubectl describe service ${facts.name} -n ${facts.namespace}`,
    },
  ],
  confidence: 'likely',
});
