// One client, one scenario, one process: node k8kat-client.mjs CLIENT SCENARIO KUBECONFIG. Prints one JSON line.
// A process for each measurement, so that its peak memory is that of this client alone, and no client runs on code that another has warmed.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const [client, scenario, kubeconfigPath] = process.argv.slice(2);
const readsCount = 300;
const listRounds = 3;

/** What `kubectl get pods -l app=web` shows as CrashLoopBackOff: the status filter that all clients use. */
const isCrashing = (pod) => pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff';

const openers = { k8kat: openK8kat, 'client-node': openClientNode, 'fluent-client': openFluentClient };

async function openK8kat() {
  const { kat, KubeSession } = await import('../../dist/libs/adapters/k8kat/index.js');
  const { EgressPolicy } = await import('../../dist/libs/adapters/egress/index.js');
  const { clusters, users } = parse(readFileSync(kubeconfigPath, 'utf8'));
  const plain = (base64) => (base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString());
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  const session = new KubeSession(
    {
      server: cluster.server,
      ca: plain(cluster['certificate-authority-data']),
      token: user.token,
      clientCertificate: plain(user['client-certificate-data']),
      clientKey: plain(user['client-key-data']),
    },
    { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) },
  );
  const root = kat(session);
  return {
    list: () =>
      root
        .pods()
        .lbsIncEach({ app: 'web' })
        .where((pod) => isCrashing(pod.raw))
        .all(),
    all: () => root.pods().all(),
    stream: () => root.pods(),
    read: async ({ namespace, name }) => (await root.pods().ns(namespace).find(name)).raw,
    readConfigMap: ({ namespace, name }) => session.get({ apiVersion: 'v1', kind: 'ConfigMap', name, namespace }),
    close: () => session.close(),
  };
}

async function openClientNode() {
  const { CoreV1Api, KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromFile(kubeconfigPath);
  const api = config.makeApiClient(CoreV1Api);
  return {
    list: async () => (await api.listPodForAllNamespaces({ labelSelector: 'app=web' })).items.filter(isCrashing),
    all: async () => (await api.listPodForAllNamespaces()).items,
    read: ({ namespace, name }) => api.readNamespacedPod({ namespace, name }),
    readConfigMap: ({ namespace, name }) => api.readNamespacedConfigMap({ namespace, name }),
    close: async () => undefined,
  };
}

async function openFluentClient() {
  process.env.KUBECONFIG = kubeconfigPath;
  const { K8s, kind } = await import('kubernetes-fluent-client');
  return {
    list: async () => (await K8s(kind.Pod).WithLabel('app', 'web').Get()).items.filter(isCrashing),
    all: async () => (await K8s(kind.Pod).Get()).items,
    read: ({ namespace, name }) => K8s(kind.Pod).InNamespace(namespace).Get(name),
    readConfigMap: ({ namespace, name }) => K8s(kind.ConfigMap).InNamespace(namespace).Get(name),
    close: async () => undefined,
  };
}

const podAt = (index) => ({
  namespace: `team-${index % 40}`,
  name: `web-${String(index).padStart(5, '0')}-7d9c5b8f6d-x${index.toString(36)}`,
});
const timed = async (work) => {
  const start = performance.now();
  const value = await work();
  return { ms: performance.now() - start, value };
};
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const peakMb = () => process.resourceUsage().maxRSS / 1024;

const scenarios = {
  /** Peak memory is that after the first list: later ones only add garbage. */
  async list(api) {
    await api.read(podAt(1));
    const before = peakMb();
    const first = await timed(api.list);
    const peak = peakMb();
    const times = [first.ms];
    for (let i = 1; i < listRounds; i++) times.push((await timed(api.list)).ms);
    return { ms: median(times), found: first.value.length, peakMb: peak, growthMb: peak - before };
  },
  async all(api) {
    await api.read(podAt(1));
    const first = await timed(api.all);
    return { ms: first.ms, found: first.value.length, peakMb: peakMb() };
  },
  async stream(api) {
    await api.read(podAt(1));
    const runs = [];
    for (let i = 0; i < listRounds; i++) {
      const start = performance.now();
      let firstMs;
      let found = 0;
      for await (const _ of api.stream()) {
        firstMs ??= performance.now() - start;
        found++;
      }
      const ms = performance.now() - start;
      runs.push({ ms, firstMs, share: firstMs / ms, found });
    }
    return { ...runs[0], share: median(runs.map(({ share }) => share)), peakMb: peakMb() };
  },
  async reads(api) {
    await api.read(podAt(0));
    const { ms } = await timed(async () => {
      for (let i = 0; i < readsCount; i++) {
        const pod = await api.read(podAt(i * 7));
        if (pod.metadata.name !== podAt(i * 7).name) throw new Error('the wrong pod came');
      }
    });
    return { ms, found: readsCount, peakMb: peakMb() };
  },
  /** Against a real API server: a ConfigMap that every cluster has. */
  async realReads(api) {
    const target = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };
    await api.readConfigMap(target);
    const { ms } = await timed(async () => {
      for (let i = 0; i < readsCount; i++)
        if ((await api.readConfigMap(target)).metadata.name !== target.name) throw new Error('the wrong object came');
    });
    return { ms, found: readsCount, peakMb: peakMb() };
  },
};

const api = await openers[client]();
const result = await scenarios[scenario](api);
await api.close();
console.log(JSON.stringify(result));
process.exit();
