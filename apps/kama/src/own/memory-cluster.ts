import type { KubeObject, KubeSession } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';

const served = [
  ['v1', 'Pod', 'pods', true],
  ['v1', 'ConfigMap', 'configmaps', true],
  ['v1', 'Secret', 'secrets', true],
  ['v1', 'Service', 'services', true],
  ['v1', 'Node', 'nodes', false],
  ['apps/v1', 'Deployment', 'deployments', true],
  ['networking.k8s.io/v1', 'Ingress', 'ingresses', true],
  ['rbac.authorization.k8s.io/v1', 'Role', 'roles', true],
] as const;
const kinds = served.map(([apiVersion, kind, resource, namespaced]) => ({
  ...{ apiVersion, kind, resource, namespaced },
  ...{ singular: kind.toLowerCase(), shortNames: [], categories: [], verbs: ['get', 'list'] },
}));

type Named = KubeObject & { kind: string; metadata: { name: string; resourceVersion?: string } };

type Refuses = (manifest: KubeObject) => string | undefined;

/** MemoryCluster keeps the objects of one namespace, and answers as much of a KubeSession as a KAMA asks. */
export class MemoryCluster {
  readonly #objects = new Map<string, Named>();
  readonly #refuses: Refuses;
  #version = 1;

  /** @param refuses gives the sentence by which a dry run of a manifest is refused */
  constructor(objects: readonly KubeObject[] = [], refuses: Refuses = () => undefined) {
    this.#refuses = refuses;
    for (const object of objects) this.put(object);
  }

  put(object: KubeObject): void {
    const named = structuredClone(object) as Named;
    this.#version++;
    named.metadata = { ...named.metadata, resourceVersion: String(this.#version) };
    this.#objects.set(`${named.kind}/${named.metadata.name}`, named);
  }

  find(kind: string, name: string): Named | undefined {
    return this.#objects.get(`${kind}/${name}`);
  }

  remove(kind: string, name: string): void {
    this.#objects.delete(`${kind}/${name}`);
  }

  /** snapshot is everything that is kept, to compare. */
  snapshot(): Record<string, KubeObject> {
    return structuredClone(Object.fromEntries(this.#objects));
  }

  /** session is what the KAMA is given. */
  session(): KubeSession {
    const findKind = (name: string) => {
      const lower = name.toLowerCase();
      const found = kinds.find(({ singular, resource }) => singular === lower || resource === lower);
      if (found) return Promise.resolve(found);
      const extra = { status: 404, reason: 'NoKindMatch' };
      return Promise.reject(new Fault('kube_api', { public: `The cluster serves no kind called "${name}".`, extra }));
    };
    const partial = {
      findKind,
      kinds: () => Promise.resolve(kinds),
      get: ({ kind, name }: { kind: string; name: string }) => Promise.resolve(structuredClone(this.find(kind, name))),
      list: ({ kind, fieldSelector }: { kind: string; fieldSelector?: string }) => {
        if (kind === 'PodMetrics') return Promise.reject(new Fault('kube_api', { extra: { status: 404 } }));
        const name = fieldSelector?.replace('metadata.name=', '');
        const items = [...this.#objects.values()].filter(
          (each) => each.kind === kind && (name === undefined || each.metadata.name === name),
        );
        return Promise.resolve({ items: structuredClone(items) });
      },
      apply: (manifest: KubeObject) => {
        const why = this.#refuses(manifest);
        return why === undefined ? Promise.resolve(manifest) : Promise.reject(new Fault('kube_api', { public: why }));
      },
    };
    return partial as unknown as KubeSession;
  }
}
