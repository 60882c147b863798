import type { V1Secret } from '@kubernetes/client-node';
import { field, notField } from '../query/condition.js';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { podsThatName } from './pod-mentions.js';
import { Resource } from './resource.js';

const usersOf = podsThatName<Secret>('secret');
const hidden = Symbol.for('nodejs.util.inspect.custom');

/** Secret wraps a secret. Its values appear in no text, JSON or console output of it; `reveal` and `decoded` give them. */
export class Secret extends Resource<Json<V1Secret>> {
  get type(): string {
    return this.raw.type ?? 'Opaque';
  }
  get keys(): readonly string[] {
    return Object.keys(this.raw.data ?? {});
  }
  /** reveal gives one value's bytes. */
  reveal(key: string): Buffer | undefined {
    const text = this.raw.data?.[key];
    return text === undefined ? undefined : Buffer.from(text, 'base64');
  }
  /** decoded gives every value as text (UTF-8). */
  decoded(): Record<string, string> {
    return Object.fromEntries(this.keys.map((key) => [key, this.reveal(key)?.toString('utf8') ?? '']));
  }
  set(values: Readonly<Record<string, string | Uint8Array>>): Promise<this> {
    const encoded = Object.entries(values).map(([key, value]) => [
      key,
      Buffer.from(value as string).toString('base64'),
    ]);
    return this.patch({ data: Object.fromEntries(encoded) as object });
  }
  remove(...keys: readonly string[]): Promise<this> {
    return this.patch({ data: Object.fromEntries(keys.map((key) => [key, null])) });
  }
  /** usedBy are the pods that name it: as a volume, in env or envFrom, to pull images. */
  usedBy(): KindMap['pods'] {
    return this.related(usersOf);
  }
  override toJSON(): Json<V1Secret> {
    const covered = Object.fromEntries(this.keys.map((key) => [key, '***']));
    const { stringData: _, ...rest } = this.raw;
    const annotations = { ...this.annotations };
    // kubectl apply keeps a copy of everything here.
    delete annotations['kubectl.kubernetes.io/last-applied-configuration'];
    return { ...rest, metadata: { ...rest.metadata, annotations }, data: covered };
  }
  [hidden](): string {
    return `${this.toString()} { ${this.keys.join(', ')} }`;
  }
}

/** SecretQuery narrows secrets. */
export class SecretQuery extends NamespacedQuery<Secret, 'usedBy'> {
  ofType(type: string): this {
    return this.narrow(field('type', type));
  }
  notOfType(type: string): this {
    return this.narrow(notField('type', type));
  }
}

export const secrets: KindSpec<Secret, SecretQuery> = {
  facts: { apiVersion: 'v1', kind: 'Secret', resource: 'secrets', namespaced: true, serverFields: { type: {} } },
  wrap: Secret,
  query: SecretQuery,
  relations: { usedBy: usersOf },
};

declare module './kind-map.js' {
  interface KindMap {
    secrets: SecretQuery;
  }
}
