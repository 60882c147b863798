import type { V1Service } from '@kubernetes/client-node';
import { explainService } from '../explain/explain-service.js';
import type { Explanation } from '../explain/explanation.js';
import { field } from '../query/condition.js';
import { NamespacedQuery } from '../query/namespaced-query.js';
import { hasAll, serviceSelects } from '../state/selector.js';
import { noSuchPort } from '../streams/forward-route.js';
import { type ForwardOptions, type LocalForward, listenPortForward } from '../streams/port-forward.js';
import { type ProxyAnswer, type ProxyOptions, proxyToService } from '../streams/service-proxy.js';
import type { EndpointAddress } from './endpoint-slice.js';
import type { Relation } from './kat-context.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { eventsOf, inNamespacesOf, sharedPairs } from './relations.js';
import { Resource, type Ternary } from './resource.js';

const podsOf: Relation<Service, 'pods'> = {
  to: 'pods',
  words: 'pods of services',
  resolve: (svcs) => {
    const sending = svcs.filter(({ selector = {} }) => Object.keys(selector).length > 0);
    if (sending.length === 0) return null;
    return {
      narrow: [inNamespacesOf(sending), ...sharedPairs(sending.map(({ selector }) => selector ?? {}))],
      holds: (svc, pod) => svc.ns === pod.ns && serviceSelects(svc.selector, pod.labels),
    };
  },
};

const slicesOf: Relation<Service, 'endpointSlices'> = {
  to: 'endpointSlices',
  words: 'endpoint slices of services',
  resolve: (svcs) => ({
    narrow: [
      inNamespacesOf(svcs),
      { is: 'label', key: 'kubernetes.io/service-name', op: 'in', values: [...new Set(svcs.map(({ name }) => name))] },
    ],
    holds: (svc, slice) => svc.ns === slice.ns && slice.service === svc.name,
  }),
};

const ingressesOf: Relation<Service, 'ingresses'> = {
  to: 'ingresses',
  words: 'ingresses of services',
  resolve: (svcs) => ({
    narrow: [inNamespacesOf(svcs)],
    holds: (svc, ingress) => svc.ns === ingress.ns && ingress.services.includes(svc.name),
  }),
};

/** What the cluster's own DNS names end in. */
const clusterDomain = 'cluster.local';

/** Service wraps a service. */
export class Service extends Resource<Json<V1Service>> {
  get type(): string {
    return this.raw.spec?.type ?? 'ClusterIP';
  }
  get selector(): Readonly<Record<string, string>> | undefined {
    return this.raw.spec?.selector;
  }
  /** internalIp is undefined for headless services and names of others. */
  get internalIp(): string | undefined {
    const ip = this.raw.spec?.clusterIP;
    return ip === 'None' || ip === '' ? undefined : ip;
  }
  get isHeadless(): boolean {
    return this.raw.spec?.clusterIP === 'None';
  }
  /** externalIp is the load balancer's address or name, or one given by hand. */
  get externalIp(): string | undefined {
    const [first] = this.raw.status?.loadBalancer?.ingress ?? [];
    return first?.ip ?? first?.hostname ?? this.raw.spec?.externalIPs?.[0] ?? this.raw.spec?.externalName;
  }
  get ports() {
    return this.raw.spec?.ports ?? [];
  }
  get fromPort(): number | undefined {
    return this.ports[0]?.port;
  }
  get toPort(): number | string | undefined {
    return this.ports[0]?.targetPort ?? this.fromPort;
  }
  get shortDns(): string {
    return `${this.name}.${this.ns}`;
  }
  get fqdn(): string {
    return `${this.shortDns}.svc.${clusterDomain}`;
  }
  override get ternaryStatus(): Ternary {
    return this.type === 'LoadBalancer' && !this.externalIp ? 'pending' : 'positive';
  }

  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
  endpointSlices(): KindMap['endpointSlices'] {
    return this.related(slicesOf);
  }
  ingresses(): KindMap['ingresses'] {
    return this.related(ingressesOf);
  }
  events(): KindMap['events'] {
    return this.related(eventsOf);
  }

  /** rawEndpoints gives every address behind it, ready or not, of all its slices, each once. */
  async rawEndpoints(): Promise<readonly EndpointAddress[]> {
    const found = new Map<string, EndpointAddress>();
    for (const slice of await this.endpointSlices())
      for (const address of slice.addresses) found.set(address.ip, address);
    return [...found.values()];
  }
  /** endpoints gives the addresses that get traffic. */
  async endpoints(): Promise<readonly EndpointAddress[]> {
    return (await this.rawEndpoints()).filter(({ ready }) => ready);
  }
  async endpointIps(): Promise<readonly string[]> {
    return (await this.endpoints()).map(({ ip }) => ip);
  }

  /** proxy sends a request to it through the API server: any method, any body; its port by name or number (default: the first). */
  proxy(method: string, path: string, options: ProxyOptions = {}): Promise<ProxyAnswer> {
    const port = options.port ?? this.ports[0]?.name ?? this.fromPort;
    return proxyToService(this.kat.session, { namespace: this.ns, name: this.name, port }, method, path, options);
  }
  proxyGet(path: string, options: ProxyOptions = {}): Promise<ProxyAnswer> {
    return this.proxy('GET', path, options);
  }

  /**
   * portForward opens a port of this machine that leads to what is behind one of its ports, by number or by name (default: the first): to a pod that gets
   * traffic, at the port that its endpoint slice says, and to another when that goes away.
   * @throws Fault kube_api when it has no such port for TCP, or no pod is ready
   */
  portForward(port?: number | string, options: ForwardOptions = {}): Promise<LocalForward> {
    const words = this.sig();
    const routes = async () => {
      const overTcp = this.ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP');
      const wanted = overTcp.find((own) => port === undefined || own.port === port || own.name === port);
      if (!wanted) throw noSuchPort(words, port);
      return (await this.endpointSlices()).flatMap(({ ports, addresses }) => {
        // Slices name their ports as the service does, with the number that holds for their pods.
        const number = ports.find(({ name }) => (name ?? '') === (wanted.name ?? ''))?.port;
        if (number === undefined) return [];
        return addresses.flatMap(({ pod, ready }) => (ready && pod !== undefined ? [{ pod, port: number }] : []));
      });
    };
    return listenPortForward(this.kat.session, { namespace: this.ns, words, routes }, options);
  }

  /** labelMatrix shows for every pod of the namespace that has one of the selector's keys which pairs it has. */
  async labelMatrix(): Promise<Readonly<Record<string, Readonly<Record<string, boolean>>>>> {
    const pairs = Object.entries(this.selector ?? {});
    const pods = await this.kat.query('pods').ns(this.ns);
    const near = pods.filter(({ labels }) => pairs.some(([key]) => labels[key] !== undefined));
    return Object.fromEntries(
      near.map(({ name, labels }) => [
        name,
        Object.fromEntries(pairs.map(([key, value]) => [`${key}=${value}`, hasAll({ [key]: value }, labels)])),
      ]),
    );
  }

  /** explainError says why it leads nowhere; null when it has somewhere to send to. */
  async explainError(): Promise<Explanation | null> {
    const [pods, endpoints] = await Promise.all([this.kat.query('pods').ns(this.ns).all(), this.endpoints()]);
    const { name, ns: namespace, type, selector, ports, externalIp } = this;
    return (
      explainService({
        ...{ name, namespace, type, selector, ports },
        hasAddress: externalIp !== undefined,
        readyAddresses: endpoints.length,
        pods: pods.map(({ raw }) => raw),
      }) ?? null
    );
  }
}

/** ServiceQuery narrows services. */
export class ServiceQuery extends NamespacedQuery<Service, 'pods' | 'endpointSlices' | 'ingresses' | 'events'> {
  type(type: string): this {
    return this.narrow(field('spec.type', type));
  }
  clusterIp(): this {
    return this.type('ClusterIP');
  }
  nodePort(): this {
    return this.type('NodePort');
  }
  loadBalancer(): this {
    return this.type('LoadBalancer');
  }
  headless(): this {
    return this.narrow(field('spec.clusterIP', 'None'));
  }
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
  endpointSlices(): KindMap['endpointSlices'] {
    return this.related(slicesOf);
  }
}

export const services: KindSpec<Service, ServiceQuery> = {
  facts: {
    apiVersion: 'v1',
    kind: 'Service',
    resource: 'services',
    namespaced: true,
    aliases: ['svc'],
    serverFields: { 'spec.clusterIP': {}, 'spec.type': {} },
  },
  wrap: Service,
  query: ServiceQuery,
  relations: { pods: podsOf, endpointSlices: slicesOf, ingresses: ingressesOf, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    svcs: ServiceQuery;
  }
}
