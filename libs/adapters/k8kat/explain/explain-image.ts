import type { ContainerStatusJson, PodJson } from '../state/pod-status.js';
import { type EventJson, type Explanation, eventEvidence, latest } from './explanation.js';

interface PullTrouble {
  readonly pattern: RegExp;
  readonly cause: string;
  readonly remedy: string;
}

/** What registries and runtimes say, most telling first. */
const troubles: readonly PullTrouble[] = [
  {
    pattern: /toomanyrequests|rate limit|\b429\b/i,
    cause: 'The registry limits how often images are pulled.',
    remedy: 'Pull with credentials (imagePullSecrets), or from a mirror.',
  },
  {
    pattern: /unauthorized|authentication required|denied|\b401\b|\b403\b|insufficient_scope/i,
    cause: 'The registry wants credentials, or the image does not exist (registries do not tell which).',
    remedy: 'Check the image’s name, and give the pod imagePullSecrets that may read it.',
  },
  {
    pattern: /no match for platform|no matching manifest|exec format/i,
    cause: 'There is no image for the node’s processor.',
    remedy: 'Publish the image for this platform, or run the pod on other nodes.',
  },
  {
    pattern: /not found|manifest unknown|\b404\b|does not exist|NotFound/i,
    cause: 'There is no such image or tag.',
    remedy: 'Correct the image’s name or tag.',
  },
  {
    pattern: /x509|certificate|tls:/i,
    cause: 'The node does not trust the registry’s certificate.',
    remedy: 'Give the node’s container runtime the registry’s certificate authority.',
  },
  {
    pattern: /no such host|timeout|timed out|connection refused|dial tcp|i\/o|EOF/i,
    cause: 'The node does not reach the registry.',
    remedy: 'Check the registry’s address, the node’s DNS, proxies and firewalls.',
  },
];

/** explainImagePull says why an image does not come. */
export function explainImagePull(
  pod: PodJson,
  container: ContainerStatusJson,
  events: readonly EventJson[],
): Explanation {
  const { reason = '', message = '' } = container.state?.waiting ?? {};
  const event = latest(events, (each) => each.reason === 'Failed' && /image/i.test(each.message ?? ''));
  const said = `${event?.message ?? ''} ${message}`;
  const trouble = troubles.find(({ pattern }) => pattern.test(said));
  return {
    code: 'ImagePull',
    severity: 'error',
    container: container.name,
    summary: `${summaries[reason] ?? 'The image cannot be pulled'}: ${container.image}.`,
    evidence: [
      { from: 'container', text: `${reason}: ${message}` },
      ...(event ? [eventEvidence(event)] : []),
      { from: 'spec', text: `image ${container.image}` },
    ],
    causes: [causes[reason] ?? trouble?.cause ?? 'The registry or the node’s container runtime refused it.'],
    remedies: [
      { text: remedies[reason] ?? trouble?.remedy ?? 'See what the registry says.' },
      {
        text: 'See what was tried.',
        command: `kubectl describe pod ${pod.metadata?.name} -n ${pod.metadata?.namespace}`,
      },
    ],
    confidence: trouble || causes[reason] ? 'certain' : 'likely',
  };
}

const summaries: Readonly<Record<string, string>> = {
  InvalidImageName: 'The image’s name is not one',
  ErrImageNeverPull: 'The image is not on the node, and must not be pulled',
};
const causes: Readonly<Record<string, string>> = {
  InvalidImageName: 'The name breaks the rules: no capitals, one tag.',
  ErrImageNeverPull: 'imagePullPolicy is Never, and nobody put the image on this node.',
};
const remedies: Readonly<Record<string, string>> = {
  InvalidImageName: 'Correct the image’s name.',
  ErrImageNeverPull: 'Change imagePullPolicy, or load the image on the node.',
};
