import type { V1ConfigMap } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { podsThatName } from './pod-mentions.js';
import { Resource } from './resource.js';

const usersOf = podsThatName<ConfigMap>('configMap');

/** ConfigMap wraps a config map. */
export class ConfigMap extends Resource<Json<V1ConfigMap>> {
  get data(): Readonly<Record<string, string>> {
    return this.raw.data ?? {};
  }
  get(key: string): string | undefined {
    return this.data[key];
  }
  /** json reads one key; `fallback` when it is not there. @throws SyntaxError */
  json<T = unknown>(key: string, fallback?: T): T | undefined {
    const text = this.get(key);
    return text === undefined ? fallback : (JSON.parse(text) as T);
  }
  /** yaml reads one key; `fallback` when it is not there. */
  yaml<T = unknown>(key: string, fallback?: T): T | undefined {
    const text = this.get(key);
    return text === undefined ? fallback : (parse(text) as T);
  }
  /** set writes keys and leaves the others; what is no text is written as JSON. */
  set(values: Readonly<Record<string, unknown>>): Promise<this> {
    return this.patch({ data: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, textOf(value)])) });
  }
  /** merge puts fields into the JSON object under a key, and keeps its others. Two of them at a time both last. */
  merge(key: string, fields: Readonly<Record<string, unknown>>): Promise<this> {
    return this.patch((draft) => {
      const before = JSON.parse(draft.data?.[key] ?? '{}') as object;
      draft.data = { ...draft.data, [key]: JSON.stringify({ ...before, ...fields }) };
    });
  }
  remove(...keys: readonly string[]): Promise<this> {
    return this.patch({ data: Object.fromEntries(keys.map((key) => [key, null])) });
  }
  /** usedBy are the pods that name it: as a volume, in env or envFrom. */
  usedBy(): KindMap['pods'] {
    return this.related(usersOf);
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** ConfigMapQuery narrows config maps. */
export class ConfigMapQuery extends NamespacedQuery<ConfigMap, 'usedBy'> {}

export const configMaps: KindSpec<ConfigMap, ConfigMapQuery> = {
  facts: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    resource: 'configmaps',
    namespaced: true,
    aliases: ['cm'],
    serverFields: {},
  },
  wrap: ConfigMap,
  query: ConfigMapQuery,
  relations: { usedBy: usersOf },
};

declare module './kind-map.js' {
  interface KindMap {
    configMaps: ConfigMapQuery;
  }
}
