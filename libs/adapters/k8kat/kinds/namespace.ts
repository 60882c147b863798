import type { V1Namespace } from '@kubernetes/client-node';
import { field } from '../query/condition.js';
import { Query } from '../query/query.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { inNamespace } from './relations.js';
import { Resource, type Ternary } from './resource.js';

const podsOf = inNamespace('pods', 'pods of namespaces');
const depsOf = inNamespace('deps', 'deployments of namespaces');
const svcsOf = inNamespace('svcs', 'services of namespaces');
const quotasOf = inNamespace('quotas', 'quotas of namespaces');

/** Namespace wraps a namespace. */
export class Namespace extends Resource<Json<V1Namespace>> {
  get isActive(): boolean {
    return this.raw.status?.phase === 'Active';
  }
  override get ternaryStatus(): Ternary {
    return this.isActive ? 'positive' : 'pending';
  }
  /** What keeps it from going away, in the cluster's words: finalizers that remain, kinds that cannot be listed. */
  get stuckBecause(): readonly string[] {
    if (!this.isBeingDeleted) return [];
    return (this.raw.status?.conditions ?? [])
      .filter(({ status }) => status === 'True')
      .map(({ type, message }) => `${type}: ${message ?? ''}`);
  }
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
  deps(): KindMap['deps'] {
    return this.related(depsOf);
  }
  svcs(): KindMap['svcs'] {
    return this.related(svcsOf);
  }
  quotas(): KindMap['quotas'] {
    return this.related(quotasOf);
  }
  /** isWorkReady: active, and its default service account is there, so that pods can be made. */
  async isWorkReady(): Promise<boolean> {
    return this.isActive && (await this.kat.query('serviceAccounts').ns(this.name).names('default').exists());
  }
}

/** NamespaceQuery narrows namespaces. */
export class NamespaceQuery extends Query<Namespace, 'pods' | 'deps' | 'svcs' | 'quotas'> {
  active(): this {
    return this.narrow(field('status.phase', 'Active'));
  }
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
  deps(): KindMap['deps'] {
    return this.related(depsOf);
  }
}

export const namespaces: KindSpec<Namespace, NamespaceQuery> = {
  facts: {
    apiVersion: 'v1',
    kind: 'Namespace',
    resource: 'namespaces',
    namespaced: false,
    aliases: ['ns'],
    serverFields: { 'status.phase': {} },
  },
  wrap: Namespace,
  query: NamespaceQuery,
  relations: { pods: podsOf, deps: depsOf, svcs: svcsOf, quotas: quotasOf },
};

declare module './kind-map.js' {
  interface KindMap {
    namespaces: NamespaceQuery;
  }
}
