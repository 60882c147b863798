import { matchesQuery } from '../descriptors/query.js';
import type { Behaviour, ModelView } from '../resolve/model-view.js';
import { derivedOf } from '../resolve/resource-facts.js';
import { toBoolean } from '../values/coerce.js';
import { type Dict, deepGet, isDict } from '../values/dict.js';
import { listResources } from './resource-selection.js';

/** Endpoint is one way to reach a site. */
interface Endpoint {
  readonly type: string | null;
  readonly url: unknown;
  readonly port_forward_spec: unknown;
  readonly enabled: boolean;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

async function firstOf(node: ModelView, attribute: string): Promise<Dict | undefined> {
  const selector = node.has(attribute) ? await node.childOf(attribute, 'ResourceSelector') : undefined;
  return selector && (await listResources(selector))[0];
}

/** rulesOf flattens an ingress: one rule per host and path. */
function rulesOf(ingress: Dict): Dict[] {
  return listOf(deepGet(ingress, 'spec.rules'))
    .filter(isDict)
    .flatMap((rule) =>
      listOf(deepGet(rule, 'http.paths'))
        .filter(isDict)
        .map((path) => ({
          host: rule['host'] ?? '',
          path: path['path'] ?? '/',
          service: deepGet(path, 'backend.service.name'),
          port: deepGet(path, 'backend.service.port.number') ?? deepGet(path, 'backend.service.port.name'),
        })),
    );
}

async function byIngress(node: ModelView): Promise<Endpoint[]> {
  const ingress = await firstOf(node, 'ingress_selector');
  const match = await node.own('match', { depth: 4 });
  return (ingress ? rulesOf(ingress) : [])
    .filter((rule) => !isDict(match) || matchesQuery(match, rule))
    .map(({ host, path }) => ({
      type: 'Ingress',
      url: `${String(host)}${path === '/' ? '' : String(path)}`,
      port_forward_spec: null,
      enabled: true,
    }));
}

/** forwardTo finds a pod behind a service, and the port to reach it by. */
export async function forwardTo(node: ModelView, service: Dict): Promise<unknown> {
  const { evaluation } = node;
  const wanted = deepGet(service, 'spec.selector');
  if (!isDict(wanted)) return null;
  const namespace = String(deepGet(service, 'metadata.namespace') ?? evaluation.parts.namespace);
  const pods = await evaluation.once(`list:pods:${namespace}`, () =>
    evaluation.need('cluster', node.id ?? node.kind).list(
      { kind: 'Pod', namespace },
      evaluation.parts.budget.call(() => node.standing()),
    ),
  );
  const pod = pods.find((each) =>
    Object.entries(wanted).every(([key, value]) => (deepGet(each, 'metadata.labels') as Dict | null)?.[key] === value),
  );
  if (!pod) return null;
  const [port] = listOf(deepGet(service, 'spec.ports')).filter(isDict);
  const target = port?.['targetPort'] ?? port?.['port'];
  const named = listOf(deepGet(pod, 'spec.containers'))
    .filter(isDict)
    .flatMap((container) => listOf(container['ports']).filter(isDict))
    .find((each) => each['name'] === target);
  const explicit = await node.own('port');
  return {
    namespace,
    pod_name: deepGet(pod, 'metadata.name'),
    pod_port: Number(explicit ?? named?.['containerPort'] ?? target ?? 80),
  };
}

async function byService(node: ModelView): Promise<Endpoint[]> {
  const given = await node.attr('service');
  const service = isDict(given) ? given : await firstOf(node, 'service_selector');
  const type = service && deepGet(service, 'spec.type');
  const fact = (name: string): unknown => (service ? derivedOf(service, name) : null) ?? null;
  return [
    {
      type: 'ClusterIP',
      url: fact('internal_ip'),
      port_forward_spec: service ? await forwardTo(node, service) : null,
      enabled: true,
    },
    { type: 'LoadBalancer', url: fact('external_ip'), port_forward_spec: null, enabled: type === 'LoadBalancer' },
    { type: 'NodePort', url: fact('external_ip'), port_forward_spec: null, enabled: type === 'NodePort' },
  ];
}

async function endpointsOf(node: ModelView): Promise<Endpoint[]> {
  if (node.isA('SimpleIngressSiteAccessNode')) return byIngress(node);
  if (node.isA('SimpleServiceSiteAccessNode')) return byService(node);
  const endpoints: Endpoint[] = [];
  for (const each of await node.childrenOf('endpoints', 'SiteEndpoint'))
    endpoints.push({
      type: await each.text('type'),
      url: await each.own('url'),
      port_forward_spec: await each.own('port_forward_spec', { depth: 4 }),
      enabled: toBoolean(await each.own('enabled')),
    });
  return endpoints;
}

const order = ['ClusterIP', 'NodePort', 'LoadBalancer', 'Ingress'];
const score = ({ type, enabled }: Endpoint): number => order.indexOf(type ?? '') + (enabled ? order.length : 0);

const bestOf = (model: ModelView): Promise<Endpoint | null> =>
  model.evaluation.once(`site:${model.id ?? JSON.stringify(model.config)}`, async () => {
    let best: Endpoint | null = null;
    for (const node of await model.childrenOf('site_access_nodes', 'SiteAccessNode'))
      for (const endpoint of await endpointsOf(node)) if (!best || score(endpoint) > score(best)) best = endpoint;
    return best;
  });

async function urlOf(model: ModelView): Promise<unknown> {
  const best = await bestOf(model);
  const port = isDict(best?.port_forward_spec) ? best.port_forward_spec['pod_port'] : undefined;
  return best?.type === 'ClusterIP' && port !== undefined ? `localhost:${String(port)}` : (best?.url ?? null);
}

async function actionOf(model: ModelView): Promise<unknown> {
  const best = await bestOf(model);
  if (!best) return null;
  return best.type === 'ClusterIP'
    ? { type: 'port_forward', uri: best.port_forward_spec }
    : { type: 'www', uri: best.url };
}

async function nodes(model: ModelView): Promise<unknown> {
  const listed: Dict[] = [];
  for (const node of await model.childrenOf('site_access_nodes', 'SiteAccessNode')) {
    const fallback = node.isA('SimpleIngressSiteAccessNode') ? 'External Ingress' : 'Standard Service';
    const title = (await node.text('title')) ?? (node.kind === 'SiteAccessNode' ? null : fallback);
    listed.push({ title, predicates: node.raw('predicates') ?? [], endpoints: await endpointsOf(node) });
  }
  return listed;
}

/** What suppliers that tell how to reach an app do, by kind. */
export const siteBehaviours: Readonly<Record<string, Behaviour>> = {
  SiteAccessNode: { computed: { resolved_endpoints: { get: endpointsOf } } },
  BestSiteEndpointSupplier: {
    compute: bestOf,
    computed: {
      url: { get: urlOf },
      resolved_action_descriptor: { get: actionOf },
      action_descriptor: { get: actionOf },
    },
  },
  SiteAccessNodesSerializer: { compute: nodes },
  AccessNodeSerializer: {
    compute: async (model) => {
      const node = await model.childOf('access_node', 'SiteAccessNode');
      return node ? (await endpointsOf(node)).map(({ url }) => url) : [];
    },
  },
  PortForwardSpecSupplier: {
    compute: async (model) => {
      const service = await model.attr('svc');
      return isDict(service) ? forwardTo(model, service) : null;
    },
  },
};
