import type { Value } from './variables.js';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: unknown;
}
export interface Ref {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

const storePort = 8081;
const webPort = 8080;

const labels = (component: string) => ({
  'app.kubernetes.io/name': 'guestbook',
  'app.kubernetes.io/component': component,
  'app.kubernetes.io/managed-by': 'nmachine',
});
const selector = (component: string) => ({
  'app.kubernetes.io/name': 'guestbook',
  'app.kubernetes.io/component': component,
});

/** container runs one part of the image without any right that it does not need. */
const container = (part: string, image: Value | undefined, port: number, env: Record<string, Value | undefined>) => ({
  name: part,
  image: String(image),
  imagePullPolicy: 'IfNotPresent',
  args: [part],
  ports: [{ name: 'http', containerPort: port }],
  env: Object.entries({ HOST: '0.0.0.0', PORT: port, ...env }).map(([name, value]) => ({
    name,
    value: String(value),
  })),
  readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 2 },
  resources: { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '128Mi' } },
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: 65532,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  },
});

const service = (component: string, port: number): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: `guestbook-${component}`, labels: labels(component) },
  spec: { selector: selector(component), ports: [{ name: 'http', port, targetPort: 'http' }] },
});

/** storeManifests: the entries live in one pod, in memory and in a file that outlives a restart of its container. */
export const storeManifests = (values: Readonly<Record<string, Value>>): Manifest[] => [
  service('store', storePort),
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'guestbook-store', labels: labels('store') },
    spec: {
      replicas: 1,
      serviceName: 'guestbook-store',
      selector: { matchLabels: selector('store') },
      template: {
        metadata: { labels: labels('store') },
        spec: {
          automountServiceAccountToken: false,
          securityContext: { fsGroup: 65532 },
          containers: [
            {
              ...container('store', values['store.image'], storePort, {
                STORE_FILE: '/data/entries.jsonl',
                ENTRIES_MAX: values['store.entriesMax'],
              }),
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
            },
          ],
          volumes: [{ name: 'data', emptyDir: { sizeLimit: '64Mi' } }],
        },
      },
    },
  },
];

/** webManifests: the page, in as many copies as wanted. */
export const webManifests = (values: Readonly<Record<string, Value>>): Manifest[] => [
  service('web', webPort),
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'guestbook-web', labels: labels('web') },
    spec: {
      replicas: values['web.replicas'],
      selector: { matchLabels: selector('web') },
      template: {
        metadata: { labels: labels('web') },
        spec: {
          automountServiceAccountToken: false,
          containers: [
            container('web', values['web.image'], webPort, {
              STORE_URL: `http://guestbook-store:${storePort}`,
              GREETING: values['web.greeting'],
            }),
          ],
        },
      },
    },
  },
];

/** refOf names an object without its content. */
export const refOf = ({ apiVersion, kind, metadata }: Manifest): Ref => ({ apiVersion, kind, name: metadata.name });
