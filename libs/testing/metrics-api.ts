import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KubeSession } from '@nm/adapters/k8kat';
import { selfSigned } from './certificates.js';

/** What a kubelet measures, as it tells at `/stats/summary`. */
interface Summary {
  readonly node: Figures & { readonly nodeName: string };
  readonly pods?: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers?: readonly (Figures & { readonly name: string })[];
  }[];
}
interface Figures {
  readonly cpu?: { readonly time: string; readonly usageNanoCores?: number };
  readonly memory?: { readonly workingSetBytes?: number };
}

const version = 'metrics.k8s.io/v1beta1';
const root = `/apis/${version}`;
const verbs = ['get', 'list'];
const apiService = { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService' };
const apiServiceName = 'v1beta1.metrics.k8s.io';
const service = { apiVersion: 'v1', kind: 'Service' };
const serviceName = 'metrics-api';
const namespace = 'kube-system';

/**
 * openMetricsApi adds the API of metrics-server to a cluster of this machine, with the figures that its kubelets measure. It stands behind the API server as the real
 * one does (an APIService), so who may ask is the API server's to say. It gives the newest figures of a kubelet and keeps nothing.
 */
export async function openMetricsApi(admin: KubeSession): Promise<{ close(): Promise<void> }> {
  const { certificate, key } = await selfSigned('metrics', { dns: ['localhost'] });
  const server = createServer({ cert: certificate, key }, (request, response) => {
    void answer(admin, new URL(request.url ?? '/', 'https://localhost').pathname).then(
      (body) => response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const apply = (object: object) => admin.apply(object as never, { fieldManager: 'metrics-api' });
  const external = { type: 'ExternalName', externalName: 'localhost' };
  await apply({ ...service, metadata: { name: serviceName, namespace }, spec: external });
  await apply({
    ...apiService,
    metadata: { name: apiServiceName },
    spec: {
      service: { name: serviceName, namespace, port },
      ...{ group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100 },
      insecureSkipTLSVerify: true,
    },
  });
  return {
    close: async () => {
      await admin.delete({ ...apiService, name: apiServiceName });
      await admin.delete({ ...service, name: serviceName }, namespace);
      server.closeAllConnections();
      server.close();
    },
  };
}

async function answer(admin: KubeSession, path: string): Promise<object | undefined> {
  if (path === root) return resources;
  const [, wanted, ns, name] =
    /^\/(?:(nodes|pods)|namespaces\/([^/]+)\/pods(?:\/([^/]+))?)$/.exec(path.slice(root.length)) ?? [];
  if (!path.startsWith(root) || (wanted === undefined && ns === undefined)) return undefined;
  const { items: nodes } = await admin.list({ apiVersion: 'v1', kind: 'Node' });
  const summaries = await Promise.all(
    nodes.map((node) => admin.request<Summary>('GET', `/api/v1/nodes/${node.metadata?.name}/proxy/stats/summary`)),
  );
  if (wanted === 'nodes') return listOf('NodeMetrics', summaries.map(nodeMetrics));
  const pods = summaries.flatMap(podMetrics).filter(({ metadata }) => ns === undefined || metadata.namespace === ns);
  return name === undefined ? listOf('PodMetrics', pods) : pods.find(({ metadata }) => metadata.name === name);
}

const resources = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: version,
  resources: [
    { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs },
    { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs },
  ],
};

const listOf = (kind: string, items: readonly object[]) => ({
  kind: `${kind}List`,
  apiVersion: version,
  metadata: {},
  items,
});
const usageOf = ({ cpu, memory }: Figures) => ({
  cpu: `${cpu?.usageNanoCores ?? 0}n`,
  memory: `${Math.round((memory?.workingSetBytes ?? 0) / 1024)}Ki`,
});
const measuredAt = ({ cpu }: Figures) => ({ timestamp: cpu?.time, window: '15s' });

const nodeMetrics = ({ node }: Summary) => ({
  ...{ kind: 'NodeMetrics', apiVersion: version, metadata: { name: node.nodeName } },
  ...measuredAt(node),
  usage: usageOf(node),
});

/** A pod of which something is not measured yet is left out, as metrics-server does. */
const podMetrics = ({ pods = [] }: Summary) =>
  pods.flatMap(({ podRef: { name, namespace }, containers = [] }) => {
    const [first] = containers;
    if (!first || containers.some(({ cpu, memory }) => !(cpu?.usageNanoCores !== undefined && memory?.workingSetBytes)))
      return [];
    return {
      ...{ kind: 'PodMetrics', apiVersion: version, metadata: { name, namespace } },
      ...measuredAt(first),
      containers: containers.map((container) => ({ name: container.name, usage: usageOf(container) })),
    };
  });
