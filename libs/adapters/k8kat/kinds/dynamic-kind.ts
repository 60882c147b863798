import type { NamespacedQuery } from '../query/namespaced-query.js';
import { queryState } from '../query/query-state.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import { type AnyJson, customKind } from './custom-kind.js';
import type { KatContext } from './kat-context.js';
import type { KindFacts, ServerField } from './kind-facts.js';
import type { KubeJson } from './kube-json.js';
import type { Resource } from './resource.js';

/** DynamicKind is a kind that was found by its name. It is no query itself, because awaiting a query would run it. */
export interface DynamicKind<Raw extends KubeJson> {
  readonly facts: KindFacts;
  query(): NamespacedQuery<Resource<Raw>>;
}

/**
 * dynamicKind finds a kind by whatever name people give it. Of custom resources it learns which fields the server selects by
 * (`selectableFields`), when it may read the definition. @throws Fault kube_api with reason `NoKindMatch`
 */
export async function dynamicKind<Raw extends KubeJson = AnyJson>(
  kat: KatContext,
  name: string,
): Promise<DynamicKind<Raw>> {
  const served = await kat.session.findKind(name);
  const facts = { ...served, aliases: served.shortNames, serverFields: await selectableFields(kat, served) };
  const spec = customKind<Raw>({ ...facts, namespaced: served.namespaced as true });
  return { facts, query: () => new spec.query(queryState(spec, kat)) };
}

interface Definition {
  readonly spec?: {
    readonly versions?: readonly {
      readonly name: string;
      readonly selectableFields?: readonly { readonly jsonPath: string }[];
    }[];
  };
}

async function selectableFields(
  kat: KatContext,
  { apiVersion, resource }: KindFacts,
): Promise<Record<string, ServerField>> {
  const [group = '', version] = apiVersion.split('/');
  // Built-in groups have short names or end in k8s.io, and no definitions.
  if (version === undefined || !group.includes('.') || group.endsWith('.k8s.io')) return {};
  try {
    const definition = await kat.session.read<Definition>({ resource: definitions, name: `${resource}.${group}` });
    const fields = definition?.spec?.versions?.find(({ name }) => name === version)?.selectableFields ?? [];
    return Object.fromEntries(fields.map(({ jsonPath }) => [jsonPath.replace(/^\./, ''), {}]));
  } catch (error) {
    if (isKubeStatus(error, 403)) return {};
    throw error;
  }
}

const definitions = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  resource: 'customresourcedefinitions',
  namespaced: false,
};
