import { describe, expect, it } from 'vitest';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { openSession } from '../session/session.js';
import { aCluster, files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';

const bundle = loadBundle(
  files(`
kind: SimpleServiceSiteAccessNode
id: app.node.service
service_selector: { res_kind: Service, name: web }
---
kind: SimpleIngressSiteAccessNode
id: app.node.ingress
ingress_selector: { res_kind: Ingress, name: web }
match: { service: web }
---
kind: BestSiteEndpointSupplier
id: app.best
site_access_nodes: [id::app.node.service, id::app.node.ingress]
---
kind: SiteAccessNodesSerializer
id: app.nodes
site_access_nodes: [id::app.node.service, id::app.node.ingress]
---
kind: PortForwardSpecSupplier
id: app.forward
svc: { kind: ResourcesSupplier, resource_selector: { res_kind: Service }, many: false, output: ".[0]" }
---
kind: ResourceUsageSupplier
id: app.usage
metric_type: cpu
upper_bound_type: cpu_limit
resource_selectors: [{ res_kind: Deployment, name: web }]
`),
);
const named = (kind: string, more: object, labels: object = { app: 'web' }) => ({
  ...{ kind, metadata: { name: 'web', namespace: 'shop', labels } },
  ...more,
});
const service = named('Service', {
  spec: {
    type: 'ClusterIP',
    clusterIP: '10.0.0.7',
    selector: { app: 'web' },
    ports: [{ port: 80, targetPort: 'http' }],
  },
});
const container = { ports: [{ name: 'http', containerPort: 8080 }], resources: { limits: { cpu: '500m' } } };
const pod = named('Pod', { spec: { containers: [container] } });
const ingress = named('Ingress', {
  spec: {
    rules: [
      {
        host: 'other.test',
        http: { paths: [{ path: '/', backend: { service: { name: 'other', port: { number: 80 } } } }] },
      },
      {
        host: 'shop.test',
        http: { paths: [{ path: '/', backend: { service: { name: 'web', port: { number: 80 } } } }] },
      },
    ],
  },
});
const deployment = named('Deployment', { spec: { selector: { matchLabels: { app: 'web' } } } });
const session = (...objects: Record<string, unknown>[]) =>
  openSession(bundle, {
    kamafile: aKamafile(),
    namespace: 'shop',
    cluster: {
      ...aCluster(objects),
      list: ({ kind }) =>
        Promise.resolve(
          objects.filter((each) => new RegExp(`^${kind.replace(/s$/, '')}`, 'i').test(String(each['kind']))),
        ),
      metrics: () => Promise.resolve([named('PodMetrics', { containers: [{ usage: { cpu: '125m' } }] })]),
    },
    budget: { timeMs: 60_000 },
  });

describe('how an app is reached', () => {
  it('is by its ingress where there is one, by the rule that leads to it', async () => {
    expect(await session(service, pod, ingress).resolve('app.best')).toMatchObject({
      type: 'Ingress',
      url: 'shop.test',
    });
  });

  it('is by a forwarded port of a pod behind its service otherwise', async () => {
    const forward = { namespace: 'shop', pod_name: 'web', pod_port: 8080 };
    expect(await session(service, pod).resolve('app.forward')).toEqual(forward);
    expect(await session(service, pod).resolve('app.best')).toMatchObject({
      type: 'ClusterIP',
      port_forward_spec: forward,
    });
    expect(await session(service).resolve('app.forward')).toBeNull();
  });

  it('is told of every node', async () => {
    const nodes = (await session(service, pod, ingress).resolve('app.nodes')) as {
      title: string;
      endpoints: unknown[];
    }[];
    expect(nodes.map(({ title, endpoints }) => [title, endpoints.length])).toEqual([
      ['Standard Service', 3],
      ['External Ingress', 1],
    ]);
  });
});

describe('what a workload uses', () => {
  it('is measured against the limit of its pods', async () => {
    expect(await session(deployment, pod).resolve('app.usage')).toEqual({
      ...{ usage: 0.125, upper_bound: 0.5, fraction_used: 0.25, pct_used: 25 },
    });
  });
});
