import type { V1CustomResourceDefinition } from '@kubernetes/client-node';
import { Query } from '../query/query.js';
import type { ApiResource } from '../transport/kube-types.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { Resource, type Ternary } from './resource.js';

/** Definition wraps a custom resource definition. */
export class Definition extends Resource<Json<V1CustomResourceDefinition>> {
  get group(): string {
    return this.raw.spec.group;
  }
  get customKind(): string {
    return this.raw.spec.names.kind;
  }
  /** versions that the cluster serves, as the definition orders them. */
  get versions(): readonly string[] {
    return this.raw.spec.versions.filter(({ served }) => served).map(({ name }) => name);
  }
  /** resource is the path facts of a served version; of the stored one when left out. */
  resource(version = this.raw.spec.versions.find(({ storage }) => storage)?.name ?? ''): ApiResource {
    const { group, names, scope } = this.raw.spec;
    return {
      apiVersion: `${group}/${version}`,
      kind: names.kind,
      resource: names.plural,
      namespaced: scope === 'Namespaced',
    };
  }
  override get ternaryStatus(): Ternary {
    const is = (type: string) => this.raw.status?.conditions?.find((each) => each.type === type)?.status;
    if (is('NamesAccepted') === 'False') return 'negative';
    return is('Established') === 'True' ? 'positive' : 'pending';
  }
}

/** DefinitionQuery narrows custom resource definitions. */
export class DefinitionQuery extends Query<Definition> {}

export const definitions: KindSpec<Definition, DefinitionQuery> = {
  facts: {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    resource: 'customresourcedefinitions',
    namespaced: false,
    aliases: ['crd'],
    serverFields: {},
  },
  wrap: Definition,
  query: DefinitionQuery,
};

declare module './kind-map.js' {
  interface KindMap {
    crds: DefinitionQuery;
  }
}
