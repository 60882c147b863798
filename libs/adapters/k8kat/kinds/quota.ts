import type { V1ResourceQuota } from '@kubernetes/client-node';
import { parseQuantity } from '@nm/kernel/quantity';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { Resource, type Ternary } from './resource.js';

/** QuotaUse is what is allowed and used of something, in base units. */
export interface QuotaUse {
  readonly allowed: number;
  readonly used: number;
}

/** Quota wraps a resource quota. */
export class Quota extends Resource<Json<V1ResourceQuota>> {
  /** usage of everything that the quota limits. */
  get usage(): Readonly<Record<string, QuotaUse>> {
    const { hard = {}, used = {} } = this.raw.status ?? {};
    const all = { ...this.raw.spec?.hard, ...hard };
    return Object.fromEntries(
      Object.entries(all).map(([key, allowed]) => [
        key,
        { allowed: parseQuantity(allowed) ?? 0, used: parseQuantity(used[key]) ?? 0 },
      ]),
    );
  }
  /** use of one thing; `cpu` and `memory` mean the requests, as they do to Kubernetes. Undefined when it is not limited. */
  use(key: string): QuotaUse | undefined {
    return this.usage[key] ?? this.usage[`requests.${key}`];
  }
  /** exhausted names what is used up. */
  get exhausted(): readonly string[] {
    return Object.entries(this.usage).flatMap(([key, { allowed, used }]) => (used >= allowed ? [key] : []));
  }
  override get ternaryStatus(): Ternary {
    return this.exhausted.length > 0 ? 'negative' : 'positive';
  }
}

/** QuotaQuery narrows resource quotas. */
export class QuotaQuery extends NamespacedQuery<Quota> {}

export const quotas: KindSpec<Quota, QuotaQuery> = {
  facts: {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    resource: 'resourcequotas',
    namespaced: true,
    aliases: ['quota'],
    serverFields: {},
  },
  wrap: Quota,
  query: QuotaQuery,
};

declare module './kind-map.js' {
  interface KindMap {
    quotas: QuotaQuery;
  }
}
