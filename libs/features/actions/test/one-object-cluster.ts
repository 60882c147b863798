import type { KubeObject } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';

/** A mock of an API server that keeps one ConfigMap: server-side apply with the resourceVersion as a precondition, and the history of its data. */
export class OneObjectCluster {
  readonly history: string[] = [];
  #object: KubeObject | undefined;
  #version = 0;

  get(): KubeObject | undefined {
    return structuredClone(this.#object);
  }

  create(manifest: KubeObject): KubeObject {
    if (this.#object) throw conflict();
    return this.#write(manifest);
  }

  apply(manifest: KubeObject): KubeObject {
    if (manifest.metadata?.resourceVersion !== this.#object?.metadata?.resourceVersion) throw conflict();
    return this.#write(manifest);
  }

  #write(manifest: KubeObject): KubeObject {
    const value = String((manifest['data'] as { value: string }).value);
    if (this.history.at(-1) !== value) this.history.push(value);
    const metadata = { ...manifest.metadata, resourceVersion: String(++this.#version), uid: 'one' };
    this.#object = { ...structuredClone(manifest), metadata } as KubeObject;
    return structuredClone(this.#object);
  }
}

const conflict = () => new Fault('kube_api', { extra: { status: 409, reason: 'Conflict' } });
