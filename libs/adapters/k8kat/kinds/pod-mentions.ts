import type { PodJson } from '../state/pod-status.js';
import type { Relation } from './kat-context.js';
import { inNamespacesOf } from './relations.js';
import type { Resource } from './resource.js';

type Mentioned = 'configMap' | 'secret';

/** mentionsOf gives the names of all config maps or secrets that a pod names: volumes, projections, env, envFrom, pull secrets. */
export function mentionsOf(pod: PodJson, what: Mentioned): ReadonlySet<string> {
  const names = new Set<string | undefined>();
  for (const volume of pod.spec?.volumes ?? []) {
    names.add(what === 'configMap' ? volume.configMap?.name : volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) names.add(source[what]?.name);
  }
  for (const container of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    for (const { valueFrom } of container.env ?? [])
      names.add(what === 'configMap' ? valueFrom?.configMapKeyRef?.name : valueFrom?.secretKeyRef?.name);
    for (const from of container.envFrom ?? [])
      names.add(what === 'configMap' ? from.configMapRef?.name : from.secretRef?.name);
  }
  if (what === 'secret') for (const { name } of pod.spec?.imagePullSecrets ?? []) names.add(name);
  names.delete(undefined);
  return names as ReadonlySet<string>;
}

/** podsThatName leads to the pods that name this object. */
export const podsThatName = <From extends Resource>(what: Mentioned): Relation<From, 'pods'> => ({
  to: 'pods',
  words: `pods that name a ${what}`,
  resolve: (owners) => ({
    narrow: [inNamespacesOf(owners)],
    holds: (owner, pod) => owner.ns === pod.ns && mentionsOf(pod.raw, what).has(owner.name),
  }),
});
