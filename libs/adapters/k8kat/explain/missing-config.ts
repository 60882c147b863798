import type { PodJson } from '../state/pod-status.js';
import type { Explanation } from './explanation.js';

/** missingConfig explains a ConfigMap or Secret that a pod names and that is not there. */
export function missingConfig(
  kind: string,
  name: string,
  pod: PodJson,
  evidence: Explanation['evidence'][number],
): Explanation {
  return {
    code: 'ConfigMissing',
    severity: 'error',
    summary: `${kind} "${name}" is not there.`,
    evidence: [evidence, { from: 'spec', text: `the pod names ${kind} ${name}` }],
    causes: [`${kind} "${name}" was never made, is in another namespace, or was deleted.`],
    remedies: [
      {
        text: `Make the ${kind} in namespace ${pod.metadata?.namespace}.`,
        command: `kubectl get ${kind.toLowerCase()} ${name} -n ${pod.metadata?.namespace}`,
      },
      { text: 'Or let the pod do without it: optional: true.' },
    ],
    confidence: 'certain',
  };
}
