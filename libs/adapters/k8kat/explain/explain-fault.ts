import { isFault } from '@nm/kernel/fault';
import { explainRefusedPod } from './explain-workload.js';
import type { Explanation } from './explanation.js';

/** explainFault says what a refused request means: who may not do what where, or which rule forbids it; undefined for other faults. */
export function explainFault(error: unknown): Explanation | undefined {
  if (!isFault(error)) return undefined;
  const text = error.publicMessage;
  const evidence = [{ from: 'server' as const, text }];
  const [, user, verb, resource, group, namespace] =
    /User "([^"]+)" cannot (\S+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?/.exec(
      text,
    ) ?? [];
  if (error.code === 'cluster_forbidden' && verb && resource) {
    const where = namespace ? `in namespace ${namespace}` : 'in the whole cluster';
    const [, account] = /^system:serviceaccount:(.+)$/.exec(user ?? '') ?? [];
    const subject = account ? `--serviceaccount=${account}` : `--user=${user}`;
    const kind = namespace ? 'role' : 'clusterrole';
    const full = group ? `${resource}.${group}` : resource;
    return {
      code: 'Forbidden',
      severity: 'error',
      summary: `${user} may not ${verb} ${full} ${where}.`,
      evidence,
      causes: ['No role that is bound to it allows this.'],
      remedies: [
        {
          text: 'Make a role that allows it.',
          command: `kubectl create ${kind} NAME --verb=${verb} --resource=${full}${namespace ? ` -n ${namespace}` : ''}`,
        },
        {
          text: 'Bind it.',
          command: `kubectl create ${kind}binding NAME --${kind}=NAME ${subject}${namespace ? ` -n ${namespace}` : ''}`,
        },
      ],
      confidence: 'certain',
    };
  }
  if (error.extra['status'] === 403) return explainRefusedPod(text, evidence, namespace);
  return undefined;
}
