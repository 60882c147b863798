/** NodeRefusal is why some nodes do not take a pod. */
export interface NodeRefusal {
  readonly nodes: number;
  readonly reason: string;
}

/** schedulingRefusals takes the scheduler's sentence apart: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {x: y}.` */
export function schedulingRefusals(message: string): readonly NodeRefusal[] {
  const [, list = ''] = /nodes are available: (.*?)(?:\. preemption:|\.?$)/s.exec(message) ?? [];
  // A comma within braces belongs to a taint.
  return list.split(/, (?=\d+ )/).flatMap((part) => {
    const [, nodes, reason] = /^(\d+) (.*?)\.?$/s.exec(part.trim()) ?? [];
    return nodes && reason ? [{ nodes: Number(nodes), reason: reason.replace(/^node\(s\) /, '') }] : [];
  });
}

/** remedyOf says what would make such nodes take the pod. */
export function remedyOf(reason: string): string {
  const known = remedies.find(([pattern]) => pattern.test(reason));
  return known?.[1] ?? 'Compare the pod’s spec with the nodes.';
}

const remedies: readonly (readonly [RegExp, string])[] = [
  [/Insufficient (cpu|memory|ephemeral-storage)/, 'Lower the pod’s requests, or add nodes (or larger ones).'],
  [/Insufficient/, 'Add nodes that have this resource, or ask for less of it.'],
  [/Too many pods/, 'Add nodes: these have as many pods as they take.'],
  [/taint/, 'Add a toleration for the taint, or take the taint off the nodes.'],
  [/affinity|selector/, 'Label a node as the pod’s nodeSelector or affinity wants, or loosen that.'],
  [/unbound immediate PersistentVolumeClaims|persistentvolumeclaim/i, 'See to the claim: it has no volume.'],
  [/volume node affinity/, 'The volume is in another zone than these nodes: run the pod there, or move the data.'],
  [/topology spread/, 'Loosen topologySpreadConstraints, or add nodes where they are wanted.'],
  [/free ports/, 'Another pod has the hostPort on these nodes: change it or drop it.'],
  [/unschedulable/, 'The nodes are cordoned: kubectl uncordon.'],
];
