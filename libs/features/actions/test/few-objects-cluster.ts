import type { KubeObject } from '@nm/adapters/k8kat';
import type { ObjectRef } from '@nm/kernel/contracts';
import type { ClusterSession } from '../steps/step-context.js';

interface WriteOptions {
  readonly body?: KubeObject;
  readonly uid?: string;
  readonly beforeSend?: () => void;
}

const plural = (kind: string): string => `${kind.toLowerCase()}s`;

/** A mock of an API server that keeps objects by name, and counts what it was asked for. */
export class FewObjectsCluster {
  readonly objects = new Map<string, KubeObject>();
  readonly created: string[] = [];
  readonly deleted: string[] = [];
  /** Questions of the preflight. */
  questions = 0;
  #uids = 0;

  /** put makes or replaces an object. */
  put(object: KubeObject): KubeObject {
    const name = object.metadata?.name ?? '';
    const uid = object.metadata?.uid ?? `uid-${++this.#uids}`;
    const metadata = { ...object.metadata, uid, resourceVersion: '1' };
    this.objects.set(name, { ...object, metadata } as KubeObject);
    return this.objects.get(name) as KubeObject;
  }

  /** setStatus is what a controller does. */
  setStatus(name: string, status: object): void {
    const object = this.objects.get(name);
    if (object) this.objects.set(name, { ...object, status } as KubeObject);
  }

  readonly session = {
    resourceFor: async (apiVersion: string, kind: string) => ({
      ...{ apiVersion, kind, resource: plural(kind), namespaced: true },
    }),
    can: async () => {
      this.questions++;
      return { allowed: true, reason: undefined };
    },
    get: async ({ name }: ObjectRef) => this.objects.get(name),
    list: async () => ({ items: [] }),
    stream: async () => ({ text: async () => '' }),
    apply: async (object: KubeObject, { beforeSend }: WriteOptions) => {
      beforeSend?.();
      return this.put(object);
    },
    request: async (method: string, _path: string, { body, beforeSend }: WriteOptions) => {
      beforeSend?.();
      // A PATCH only turns managedFields over, of which there are none here.
      if (method !== 'POST') return [...this.objects.values()].at(-1);
      this.created.push(body?.metadata?.name ?? '');
      return this.put(body ?? {});
    },
    delete: async ({ name }: ObjectRef, _namespace: string, { uid, beforeSend }: WriteOptions) => {
      beforeSend?.();
      const object = this.objects.get(name);
      if (!object || (uid !== undefined && object.metadata?.uid !== uid)) return false;
      this.deleted.push(name);
      return this.objects.delete(name);
    },
  } as unknown as ClusterSession;
}
