import type { KubeJson } from '../kinds/kube-json.js';

/** LiveIndex finds keys of objects by what they have in common, in a time that does not depend on how many there are. */
export class LiveIndex {
  readonly #keysOf = new Map<string, Set<string>>();
  readonly #entriesOf = new Map<string, readonly string[]>();

  put(key: string, raw: KubeJson): void {
    this.remove(key);
    const entries = entriesOf(raw);
    this.#entriesOf.set(key, entries);
    for (const entry of entries) {
      const keys = this.#keysOf.get(entry);
      if (keys) keys.add(key);
      else this.#keysOf.set(entry, new Set([key]));
    }
  }

  remove(key: string): void {
    for (const entry of this.#entriesOf.get(key) ?? []) {
      const keys = this.#keysOf.get(entry);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysOf.delete(entry);
    }
    this.#entriesOf.delete(key);
  }

  find(entry: string): Iterable<string> {
    return this.#keysOf.get(entry) ?? [];
  }
}

/** The entries that are kept: namespace, uid, each label, each owner's uid, and the node of a pod. */
export const indexEntry = {
  namespace: (namespace: string) => `ns ${namespace}`,
  uid: (uid: string) => `uid ${uid}`,
  label: (key: string, value: string) => `label ${key}=${value}`,
  owner: (uid: string) => `owner ${uid}`,
  node: (node: string) => `node ${node}`,
};

function entriesOf(raw: KubeJson): string[] {
  const { metadata = {} } = raw;
  const { nodeName } = ((raw as { spec?: unknown }).spec ?? {}) as { nodeName?: unknown };
  return [
    indexEntry.namespace(metadata.namespace ?? ''),
    ...(metadata.uid ? [indexEntry.uid(metadata.uid)] : []),
    ...Object.entries(metadata.labels ?? {}).map(([key, value]) => indexEntry.label(key, value)),
    ...(metadata.ownerReferences ?? []).map(({ uid }) => indexEntry.owner(uid)),
    ...(typeof nodeName === 'string' ? [indexEntry.node(nodeName)] : []),
  ];
}
