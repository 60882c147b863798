import type { V1Ingress, V1IngressBackend } from '@kubernetes/client-node';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { eventsOf, namedBy } from './relations.js';
import { Resource, type Ternary } from './resource.js';

/** IngressRule is where one path of one host leads. */
export interface IngressRule {
  readonly path: string;
  readonly service: string | undefined;
  readonly port: number | string | undefined;
}

const svcsOf = namedBy<Ingress, 'svcs'>('svcs', 'services of ingresses', ({ services }) => services);
const secretsOf = namedBy<Ingress, 'secrets'>('secrets', 'TLS secrets of ingresses', ({ tlsSecrets }) => tlsSecrets);

const ruleOf = (path: string, backend: Json<V1IngressBackend> | undefined): IngressRule => ({
  path,
  service: backend?.service?.name,
  port: backend?.service?.port?.number ?? backend?.service?.port?.name,
});

/** Ingress wraps an ingress. */
export class Ingress extends Resource<Json<V1Ingress>> {
  get className(): string | undefined {
    return this.raw.spec?.ingressClassName ?? this.annotations['kubernetes.io/ingress.class'];
  }
  /** basicRules by host; `*` stands for every host, and holds the default backend as path `/`. */
  get basicRules(): Readonly<Record<string, readonly IngressRule[]>> {
    const rules: Record<string, IngressRule[]> = {};
    const add = (host: string, rule: IngressRule) => {
      rules[host] = [...(rules[host] ?? []), rule];
    };
    for (const { host = '*', http } of this.raw.spec?.rules ?? [])
      for (const { path = '/', backend } of http?.paths ?? []) add(host, ruleOf(path, backend));
    const fallback = this.raw.spec?.defaultBackend;
    if (fallback) add('*', ruleOf('/', fallback));
    return rules;
  }
  /** services are the names of all that it leads to. */
  get services(): readonly string[] {
    const all = Object.values(this.basicRules).flatMap((rules) => rules.flatMap(({ service }) => service ?? []));
    return [...new Set(all)];
  }
  get tlsSecrets(): readonly string[] {
    return (this.raw.spec?.tls ?? []).flatMap(({ secretName }) => secretName ?? []);
  }
  get addresses(): readonly string[] {
    return (this.raw.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip ?? hostname ?? []);
  }
  override get ternaryStatus(): Ternary {
    return this.addresses.length > 0 ? 'positive' : 'pending';
  }
  svcs(): KindMap['svcs'] {
    return this.related(svcsOf);
  }
  secrets(): KindMap['secrets'] {
    return this.related(secretsOf);
  }
  events(): KindMap['events'] {
    return this.related(eventsOf);
  }
}

/** IngressQuery narrows ingresses. */
export class IngressQuery extends NamespacedQuery<Ingress, 'svcs' | 'secrets' | 'events'> {
  svcs(): KindMap['svcs'] {
    return this.related(svcsOf);
  }
}

export const ingresses: KindSpec<Ingress, IngressQuery> = {
  facts: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    resource: 'ingresses',
    namespaced: true,
    aliases: ['ing'],
    serverFields: {},
  },
  wrap: Ingress,
  query: IngressQuery,
  relations: { svcs: svcsOf, secrets: secretsOf, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    ingresses: IngressQuery;
  }
}
