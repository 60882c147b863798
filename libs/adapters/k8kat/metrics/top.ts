import type { KatContext } from '../kinds/kat-context.js';
import type { Node } from '../kinds/node.js';
import type { Pod, PodQuery } from '../kinds/pod.js';
import { type Load, nodeUsages, podLoads, totalLoad } from './load.js';

/** A pod and its load, as `kubectl top pod` has it, with requests and limits beside. */
export interface PodLoad extends Load {
  readonly pod: Pod;
}

export interface NodeLoad extends Load {
  readonly node: Node;
}

/** topPods gives the load of each pod of a query: two requests. */
export async function topPods(kat: KatContext, query: PodQuery): Promise<PodLoad[]> {
  const loads = await podLoads(kat, await query.all());
  return [...loads].map(([pod, load]) => ({ pod, ...load }));
}

/** loadOf adds up the pods of a query: `loadOf(kat, dep.pods())` is the load of a workload. */
export async function loadOf(kat: KatContext, query: PodQuery): Promise<Load> {
  return totalLoad((await podLoads(kat, await query.all())).values());
}

/** topNodes gives what each node uses, and what the pods on it ask for: three requests. */
export async function topNodes(kat: KatContext): Promise<NodeLoad[]> {
  const [nodes, pods, usages] = await Promise.all([
    kat.query('nodes').all(),
    kat.query('pods').notFields({ 'status.phase': 'Succeeded' }).all(),
    nodeUsages(kat),
  ]);
  return nodes.map((node) => {
    const own = pods.filter((pod) => pod.node === node.name && pod.phase !== 'Failed');
    const usage = usages?.get(node.name);
    const asked = totalLoad(own.map((pod) => ({ ...requests(pod), cpuUsed: null, memUsed: null })));
    return { node, ...asked, cpuUsed: usage?.cpu ?? null, memUsed: usage?.mem ?? null };
  });
}

const requests = ({ cpuRequest, cpuLimit, memRequest, memLimit }: Pod) => ({
  cpuRequest,
  cpuLimit,
  memRequest,
  memLimit,
});
