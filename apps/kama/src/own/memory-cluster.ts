import type { ApplyOptions, DeleteOptions, KubeObject, KubeRequestOptions, KubeSession } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { statusWhenReady } from './memory-status.js';
import { mergePatched } from './merge-patch.js';

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

type Named = KubeObject & { kind: string; metadata: { name: string; resourceVersion?: string; uid?: string } };
type Labels = Readonly<Record<string, string>>;

type Refuses = (manifest: KubeObject) => string | undefined;

const kubeFault = (status: number, reason: string, public_: string): Fault =>
  new Fault('kube_api', { public: public_, extra: { status, reason } });

/** Any kind is taken; what is not in the list above has a regular plural. */
const resourceOf = (apiVersion: string, kind: string) =>
  kinds.find((each) => each.kind === kind) ?? {
    ...{ apiVersion, kind, resource: `${kind.toLowerCase()}s`, namespaced: true },
  };

/** MemoryCluster keeps the objects of one namespace, and answers as much of a KubeSession as a KAMA and the steps of a run ask. */
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
    const uid = this.find(named.kind, named.metadata.name)?.metadata.uid ?? newId('request');
    named.metadata = { ...named.metadata, uid, resourceVersion: String(this.#version) };
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
      return Promise.reject(kubeFault(404, 'NoKindMatch', `The cluster serves no kind called "${name}".`));
    };
    const partial = {
      findKind,
      kinds: () => Promise.resolve(kinds),
      resourceFor: async (apiVersion: string, kind: string) => resourceOf(apiVersion, kind),
      get: async ({ kind, name }: { kind: string; name: string }) => structuredClone(this.find(kind, name)),
      list: async (what: { kind: string; fieldSelector?: string; labelSelector?: string }) => this.#list(what),
      apply: async (manifest: KubeObject, options: Partial<ApplyOptions>) => this.#apply(manifest, options),
      delete: async ({ kind, name }: { kind: string; name: string }, _namespace: string, options: DeleteOptions) =>
        this.#delete(kind, name, options),
      request: async (method: string, path: string, options: KubeRequestOptions) =>
        this.#request(method, path, options),
    };
    return partial as unknown as KubeSession;
  }

  #list({ kind, fieldSelector, labelSelector }: { kind: string; fieldSelector?: string; labelSelector?: string }) {
    if (kind === 'PodMetrics') throw kubeFault(404, 'NoKindMatch', 'A prototype measures nothing.');
    const name = fieldSelector?.replace('metadata.name=', '');
    const wanted = (labelSelector ?? '').split(',').flatMap((each) => (each === '' ? [] : [each.split('=')]));
    const items = [...this.#objects.values()].filter(({ kind: its, metadata }) => {
      const { labels = {} } = metadata as { labels?: Labels };
      const fits = wanted.every(([label = '', value]) => labels[label] === value);
      return its === kind && fits && (name === undefined || metadata.name === name);
    });
    return { items: structuredClone(items) };
  }

  /** Fields that a manifest no longer has stay: nobody keeps who set them. */
  #apply(manifest: KubeObject, { dryRun, beforeSend }: Partial<ApplyOptions>): KubeObject {
    beforeSend?.();
    const why = this.#refuses(manifest);
    if (why !== undefined) throw kubeFault(422, 'Invalid', why);
    if (dryRun) return manifest;
    const { kind, metadata } = manifest as Named;
    return this.#write({ ...this.find(kind, metadata.name), ...manifest }, metadata.resourceVersion);
  }

  #delete(kind: string, name: string, { uid, beforeSend }: DeleteOptions = {}): boolean {
    beforeSend?.();
    const found = this.find(kind, name);
    if (found && uid !== undefined && found.metadata.uid !== uid)
      throw kubeFault(409, 'Conflict', `${kind} ${name} is another by now.`);
    this.remove(kind, name);
    return found !== undefined;
  }

  /** What steps write by paths: objects are made (POST), and changed by a merge patch. */
  #request(method: string, path: string, { body, contentType, beforeSend }: KubeRequestOptions): KubeObject {
    beforeSend?.();
    if (method === 'POST' && !path.includes('/proxy')) {
      const { kind, metadata } = body as Named;
      if (this.find(kind, metadata.name)) throw kubeFault(409, 'AlreadyExists', `${kind} ${metadata.name} exists.`);
      return this.#write(body as KubeObject);
    }
    const [, resource = '', name = ''] = /\/([a-z]+)\/([^/]+)$/.exec(path) ?? [];
    const found = [...this.#objects.values()].find(
      (each) =>
        resourceOf(each.apiVersion ?? '', each.kind).resource === resource &&
        each.metadata.name === decodeURIComponent(name),
    );
    if (method !== 'PATCH' || path.includes('/proxy/'))
      throw kubeFault(503, 'ServiceUnavailable', 'A prototype has no services that would answer.');
    if (!found) throw kubeFault(404, 'NotFound', `There is no ${resource} ${decodeURIComponent(name)}.`);
    // A JSON patch changes whose the fields are, and that is not kept here.
    if (contentType === 'application/json-patch+json') return structuredClone(found);
    const { resourceVersion } = (body as Partial<Named>).metadata ?? {};
    return this.#write(mergePatched(found, body as Record<string, unknown>) as KubeObject, resourceVersion);
  }

  /** Nothing runs: what is written is taken as ready. @throws Fault kube_api 409 when the object has changed since */
  #write(object: KubeObject, seen?: string): KubeObject {
    const { kind, metadata } = object as Named;
    const now = this.find(kind, metadata.name)?.metadata.resourceVersion;
    if (seen !== undefined && seen !== now)
      throw kubeFault(409, 'Conflict', `${kind} ${metadata.name} has changed since it was read.`);
    const status = statusWhenReady(object);
    this.put(status ? { ...object, status } : object);
    return structuredClone(this.find(kind, metadata.name) as KubeObject);
  }
}
