import { Fault } from '@nm/kernel/fault';
import { isKubeStatus } from '../transport/kube-faults.js';
import { discoveryPath } from '../transport/kube-paths.js';
import type { ApiResource } from '../transport/kube-types.js';
import type { Transport } from '../transport/transport.js';

interface ResourceList {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

/** Discovery answers which path serves a kind. A miss asks the server again once, so a CRD applied a moment ago is found. */
export class Discovery {
  readonly #transport: Transport;
  readonly #lists = new Map<string, Promise<readonly ApiResource[]>>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** @throws Fault kube_api with reason `NoKindMatch` when the cluster does not serve the kind */
  async resourceFor(apiVersion: string, kind: string): Promise<ApiResource> {
    const known = this.#lists.has(apiVersion);
    const found = (await this.#list(apiVersion)).find((entry) => entry.kind === kind);
    if (found) return found;
    if (known) {
      this.#lists.delete(apiVersion);
      const again = (await this.#list(apiVersion)).find((entry) => entry.kind === kind);
      if (again) return again;
    }
    throw new Fault('kube_api', {
      public: `The cluster does not serve ${kind} of ${apiVersion}.`,
      extra: { status: 404, reason: 'NoKindMatch' },
    });
  }

  /** Shared by everyone who asks at the same time, so no caller's signal ends it. */
  #list(apiVersion: string): Promise<readonly ApiResource[]> {
    const cached = this.#lists.get(apiVersion);
    if (cached) return cached;
    const fresh = this.#fetch(apiVersion);
    this.#lists.set(apiVersion, fresh);
    const forget = () => {
      if (this.#lists.get(apiVersion) === fresh) this.#lists.delete(apiVersion);
    };
    // An absent group is asked for again next time, and so is one whose request failed.
    void fresh.then((list) => list.length === 0 && forget(), forget);
    return fresh;
  }

  async #fetch(apiVersion: string): Promise<readonly ApiResource[]> {
    try {
      const list = (await this.#transport.request('GET', discoveryPath(apiVersion))) as ResourceList;
      return (list.resources ?? [])
        .filter((entry) => !entry.name.includes('/'))
        .map((entry) => ({ apiVersion, kind: entry.kind, resource: entry.name, namespaced: entry.namespaced }));
    } catch (error) {
      if (isKubeStatus(error, 404)) return [];
      throw error;
    }
  }
}
