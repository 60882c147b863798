import type { KubeSession } from '@nm/adapters/k8kat';
import type { ClusterReader } from '@nm/kama-sdk';
import { hasCode, isFault } from '@nm/kernel/fault';

const fieldManager = 'nmachine-kama';

/** clusterReader lets descriptors look at the install's cluster, with the install's own rights. */
export const clusterReader = (cluster: KubeSession, namespace: string): ClusterReader => ({
  list: async ({ kind, namespace: ofNamespace, labelSelector, fieldSelector }, signal) => {
    const served = await kindOrNone(cluster, kind);
    if (!served) return [];
    const { items } = await cluster.list({
      apiVersion: served.apiVersion,
      kind: served.kind,
      namespace: served.namespaced ? ofNamespace : undefined,
      ...(labelSelector ? { labelSelector } : {}),
      ...(fieldSelector ? { fieldSelector } : {}),
      signal,
    });
    return items as never;
  },
  kinds: async () =>
    (await cluster.kinds()).map(({ kind, resource, apiVersion, namespaced, shortNames }) => ({
      ...{ kind, plural: resource, apiVersion, namespaced, shortNames },
    })),
  metrics: async (ofNamespace, signal) => {
    try {
      const what = { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics', namespace: ofNamespace, signal };
      return (await cluster.list(what)).items as never;
    } catch (error) {
      if (hasCode(error, 'kube_api') || hasCode(error, 'cluster_forbidden')) return [];
      throw error;
    }
  },
  service: async ({ name, namespace: ofNamespace, port }, { path, query }, signal) => {
    const [space, service] = [ofNamespace, `${name}:${port}`].map(encodeURIComponent);
    const proxy = `/api/v1/namespaces/${space}/services/${service}/proxy${path}`;
    try {
      return await cluster.request('GET', proxy, { query, signal });
    } catch (error) {
      if (hasCode(error, 'kube_api')) return undefined;
      throw error;
    }
  },
  dryRun: async (manifest, signal) => {
    try {
      await cluster.apply(manifest as never, { namespace, fieldManager, dryRun: true, force: true, signal });
      return { ok: true };
    } catch (error) {
      if (hasCode(error, 'kube_api') || hasCode(error, 'cluster_forbidden'))
        return { ok: false, reason: isFault(error) ? error.publicMessage : String(error) };
      throw error;
    }
  },
});

/** A kind that the cluster does not serve has no objects. */
async function kindOrNone(cluster: KubeSession, kind: string) {
  try {
    return await cluster.findKind(kind);
  } catch (error) {
    if (isFault(error) && error.extra['reason'] === 'NoKindMatch') return undefined;
    throw error;
  }
}
