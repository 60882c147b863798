import type { KatContext } from '../kinds/kat-context.js';
import { sumQuantities } from '../state/quantities.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import { segment } from '../transport/kube-paths.js';

/** Usage is what something used of late, as metrics.k8s.io tells. */
export interface Usage {
  /** In cores. */
  readonly cpu: number;
  /** In bytes. */
  readonly mem: number;
}

/** Load is what something uses, asks for and may use at most: cores and bytes. Usage is null where nobody measures it, which is not 0. */
export interface Load {
  readonly cpuUsed: number | null;
  readonly memUsed: number | null;
  readonly cpuRequest: number;
  readonly cpuLimit: number;
  readonly memRequest: number;
  readonly memLimit: number;
}

interface PodMetrics {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  /** Null while a pod starts. */
  readonly containers?: readonly { readonly usage?: Readonly<Record<string, string>> }[] | null;
}
interface NodeMetrics {
  readonly metadata: { readonly name: string };
  readonly usage?: Readonly<Record<string, string>>;
}

const metricsPath = '/apis/metrics.k8s.io/v1beta1';

/** What a pod tells of itself; the wrapper does. */
export interface Loaded {
  readonly ns: string;
  readonly name: string;
  readonly cpuRequest: number;
  readonly cpuLimit: number;
  readonly memRequest: number;
  readonly memLimit: number;
}

/**
 * podLoads gives the load of each pod: one request for the metrics of a namespace, or of the cluster when the pods are in several. A pod
 * that nobody has measured yet has no usage. @throws Fault cluster_forbidden and the like; a missing metrics server is no error
 */
export async function podLoads<P extends Loaded>(kat: KatContext, pods: readonly P[]): Promise<Map<P, Load>> {
  if (pods.length === 0) return new Map();
  const [ns = '', ...more] = new Set(pods.map((pod) => pod.ns));
  const path = more.length === 0 ? `${metricsPath}/namespaces/${segment(ns)}/pods` : `${metricsPath}/pods`;
  const measured = await readMetrics<PodMetrics>(kat, path);
  const usages = new Map(measured?.map((one) => [`${one.metadata.namespace}/${one.metadata.name}`, usageOf(one)]));
  return new Map(pods.map((pod) => [pod, loadOf(pod, usages.get(`${pod.ns}/${pod.name}`))]));
}

/** totalLoad adds up, as for a workload, a namespace or a node. Usage is null when none is known, and else the sum of what is. */
export function totalLoad(loads: Iterable<Load>): Load {
  const all = [...loads];
  const sum = (pick: (load: Load) => number | null) => sumQuantities(all.map((load) => pick(load) ?? 0));
  const used = (pick: (load: Load) => number | null) => (all.some((load) => pick(load) !== null) ? sum(pick) : null);
  return {
    cpuUsed: used((load) => load.cpuUsed),
    memUsed: used((load) => load.memUsed),
    cpuRequest: sum((load) => load.cpuRequest),
    cpuLimit: sum((load) => load.cpuLimit),
    memRequest: sum((load) => load.memRequest),
    memLimit: sum((load) => load.memLimit),
  };
}

/** nodeUsages gives what each node uses; null when the cluster has no metrics server. */
export async function nodeUsages(kat: KatContext): Promise<Map<string, Usage> | null> {
  const measured = await readMetrics<NodeMetrics>(kat, `${metricsPath}/nodes`);
  if (measured === null) return null;
  return new Map(measured.map(({ metadata, usage }) => [metadata.name, usageFrom([usage])]));
}

/** 404: the API is not served; 503: it is, and what stands behind it does not answer. */
async function readMetrics<T>(kat: KatContext, path: string): Promise<readonly T[] | null> {
  try {
    const { items } = await kat.session.request<{ items?: readonly T[] | null }>('GET', path);
    return items ?? [];
  } catch (error) {
    if (isKubeStatus(error, 404) || isKubeStatus(error, 503)) return null;
    throw error;
  }
}

const usageOf = ({ containers }: PodMetrics): Usage | undefined =>
  containers?.length ? usageFrom(containers.map(({ usage }) => usage)) : undefined;

const usageFrom = (usages: readonly (Readonly<Record<string, string>> | undefined)[]): Usage => ({
  cpu: sumQuantities(usages.map((usage) => usage?.['cpu'])),
  mem: sumQuantities(usages.map((usage) => usage?.['memory'])),
});

const loadOf = (pod: Loaded, usage: Usage | undefined): Load => ({
  cpuUsed: usage?.cpu ?? null,
  memUsed: usage?.mem ?? null,
  cpuRequest: pod.cpuRequest,
  cpuLimit: pod.cpuLimit,
  memRequest: pod.memRequest,
  memLimit: pod.memLimit,
});
