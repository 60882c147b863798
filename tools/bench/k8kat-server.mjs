// A synthetic API server over TLS with many pods of realistic size (4 kB, a third of it managedFields), for bench:k8kat. A process of its
// own, so that its work is not the client's. Answers are made once and kept, so what is measured is the client.
import { createServer } from 'node:https';

const count = 10_000;
const namespaces = 40;

const managed = (manager, fields) => ({
  manager,
  operation: 'Update',
  apiVersion: 'v1',
  time: '2026-01-01T00:00:00Z',
  fieldsType: 'FieldsV1',
  fieldsV1: Object.fromEntries(fields.map((field) => [`f:${field}`, { '.': {}, 'f:type': {}, 'f:status': {} }])),
});

/** One pod in twenty is in a crash loop; to the API its phase is Running all the same. */
function podOf(index) {
  const crashing = index % 20 === 3;
  const name = `web-${String(index).padStart(5, '0')}-7d9c5b8f6d-x${index.toString(36)}`;
  const state = crashing
    ? { waiting: { reason: 'CrashLoopBackOff', message: `back-off 5m0s restarting failed container=main pod=${name}` } }
    : { running: { startedAt: '2026-01-01T00:00:05Z' } };
  return {
    metadata: {
      name,
      generateName: 'web-7d9c5b8f6d-',
      namespace: `team-${index % namespaces}`,
      uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      resourceVersion: String(1_000_000 + index),
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: {
        app: 'web',
        'pod-template-hash': '7d9c5b8f6d',
        tier: `t${index % 5}`,
        'app.kubernetes.io/part-of': 'shop',
      },
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080', checksum: 'f'.repeat(64) },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'web-7d9c5b8f6d',
          uid: 'rs-1',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      managedFields: [
        managed('kube-controller-manager', [
          'metadata',
          'labels',
          'ownerReferences',
          'spec',
          'containers',
          'env',
          'image',
          'ports',
        ]),
        managed('kubelet', [
          'conditions',
          'containerStatuses',
          'hostIP',
          'phase',
          'podIP',
          'podIPs',
          'startTime',
          'Ready',
        ]),
      ],
    },
    spec: {
      containers: [
        {
          name: 'main',
          image: 'registry.example.com/shop/web:1.27.4',
          command: ['/bin/web', '--listen=:8080'],
          ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
          env: Array.from({ length: 8 }, (_, i) => ({ name: `SETTING_${i}`, value: `value-${i}-${index % 7}` })),
          resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
          livenessProbe: {
            httpGet: { path: '/healthz', port: 'http', scheme: 'HTTP' },
            periodSeconds: 10,
            failureThreshold: 3,
          },
          readinessProbe: {
            httpGet: { path: '/readyz', port: 'http', scheme: 'HTTP' },
            periodSeconds: 5,
            failureThreshold: 3,
          },
          volumeMounts: [{ name: 'token', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
          terminationMessagePath: '/dev/termination-log',
          imagePullPolicy: 'IfNotPresent',
        },
      ],
      volumes: [
        {
          name: 'token',
          projected: {
            defaultMode: 420,
            sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } }],
          },
        },
      ],
      nodeName: `node-${index % 100}`,
      restartPolicy: 'Always',
      serviceAccountName: 'web',
      schedulerName: 'default-scheduler',
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
      priority: 0,
      enableServiceLinks: true,
    },
    status: {
      phase: 'Running',
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: crashing && type.includes('Ready') ? 'False' : 'True',
        lastProbeTime: null,
        lastTransitionTime: '2026-01-01T00:00:05Z',
      })),
      hostIP: '10.0.0.1',
      podIP: `10.1.${index >> 8}.${index & 255}`,
      podIPs: [{ ip: `10.1.${index >> 8}.${index & 255}` }],
      startTime: '2026-01-01T00:00:01Z',
      containerStatuses: [
        {
          name: 'main',
          state,
          lastState: crashing
            ? { terminated: { exitCode: 1, reason: 'Error', finishedAt: '2026-01-01T00:00:04Z' } }
            : {},
          ready: !crashing,
          restartCount: crashing ? 17 : 0,
          image: 'registry.example.com/shop/web:1.27.4',
          imageID: `registry.example.com/shop/web@sha256:${'a'.repeat(64)}`,
          containerID: `containerd://${'b'.repeat(60)}${index % 1000}`,
          started: !crashing,
        },
      ],
      qosClass: 'Burstable',
    },
  };
}

const pods = Array.from({ length: count }, (_, index) => podOf(index));
const texts = pods.map((pod) => JSON.stringify(pod));
const byPath = new Map(
  pods.map(({ metadata }, index) => [
    `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`,
    Buffer.from(`{"kind":"Pod","apiVersion":"v1",${texts[index].slice(1)}`),
  ]),
);
const pages = new Map();
const version = Buffer.from(JSON.stringify({ major: '1', minor: '36', gitVersion: 'v1.36.4' }));

function page(limit, start) {
  const key = `${limit} ${start}`;
  const known = pages.get(key);
  if (known) return known;
  const end = Math.min(start + limit, count);
  const more = end < count ? `,"continue":"${end}","remainingItemCount":${count - end}` : '';
  const head = `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"2000000"${more}},"items":[`;
  const body = Buffer.from(`${head}${texts.slice(start, end).join(',')}]}`);
  pages.set(key, body);
  return body;
}

/** Only what the clients of this bench ask for; anything else is an error, so that nobody is measured on a misunderstanding. */
function answer(url) {
  if (url.pathname === '/version') return version;
  if (url.pathname !== '/api/v1/pods') return byPath.get(url.pathname);
  const labels = url.searchParams.get('labelSelector') ?? '';
  if (labels !== '' && labels !== 'app=web') return undefined;
  const fields = url.searchParams.get('fieldSelector') ?? '';
  // All pods are in the phase Running, so these two select everything.
  if (!['', 'status.phase=Running', 'status.phase!=Succeeded'].includes(fields)) return undefined;
  return page(Number(url.searchParams.get('limit') ?? count), Number(url.searchParams.get('continue') ?? 0));
}

process.once('message', ({ certificate, key }) => {
  let connections = 0;
  const server = createServer({ cert: certificate, key, keepAliveTimeout: 60_000 }, (request, response) => {
    const body = answer(new URL(request.url, 'https://api'));
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json', 'content-length': body?.length ?? 2 });
    response.end(body ?? '{}');
  });
  server.on('secureConnection', () => connections++);
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, bytes: page(count, 0).length }));
  process.on('message', (message) => {
    if (message === 'connections') process.send({ connections });
  });
});
process.once('disconnect', () => process.exit());
