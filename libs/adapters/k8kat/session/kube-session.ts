import type { Socket } from 'node:net';
import type { V1SelfSubjectAccessReview } from '@kubernetes/client-node';
import type { KubeManifest } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { Agent, Dispatcher } from 'undici';
import type { WebSocket } from 'ws';
import type { UpgradeOptions } from '../streams/stream-transport.js';
import type { Impersonation } from '../transport/impersonation.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import { objectPath, segment } from '../transport/kube-paths.js';
import type { ApiResource, KubeMethod, KubeObject, KubeRef, KubeRequestOptions } from '../transport/kube-types.js';
import { type KubeTarget, Transport, type TransportOptions } from '../transport/transport.js';
import { type WatchEvent, type WatchOptions, watchObjects } from '../watch/watch.js';
import { AggregatedDiscovery, type ServedKind } from './aggregated-discovery.js';
import { Discovery } from './discovery.js';
import { type ListOptions, type ListPage, listAll } from './list.js';

export interface ApplyOptions {
  readonly namespace?: string | undefined;
  /** Who owns the fields that are set. Wanted: it is what keeps two writers apart. */
  readonly fieldManager: string;
  /** Take fields over from other managers. */
  readonly force?: boolean;
  /** Check and answer, store nothing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** See `KubeRequestOptions`. */
  readonly beforeSend?: (() => void) | undefined;
}

export interface DeleteOptions {
  readonly signal?: AbortSignal | undefined;
  /** See `KubeRequestOptions`. */
  readonly beforeSend?: (() => void) | undefined;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  /** Delete only the object that has this uid. */
  readonly uid?: string;
  /** Check and answer, delete nothing. */
  readonly dryRun?: boolean;
}

/** One question to the cluster's own authoriser. `resource` may name a subresource: `pods/log`. */
export interface AccessQuestion {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/** ObjectTarget names an object whose kind's path is known. */
export interface ObjectTarget {
  readonly resource: ApiResource;
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface ServiceAccountToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

/**
 * KubeSession speaks to one API server as one identity. We use @kubernetes/client-node for its types only: its client opens a TLS
 * connection for each request, drops fields it does not know and reads kubeconfigs that run commands.
 */
export class KubeSession {
  readonly #target: KubeTarget;
  readonly #options: TransportOptions;
  readonly #transport: Transport;
  readonly #discovery: Discovery;
  readonly #everything: AggregatedDiscovery;

  constructor(target: KubeTarget, options: TransportOptions, transport = new Transport(target, options)) {
    this.#target = target;
    this.#options = options;
    this.#transport = transport;
    this.#discovery = new Discovery(this.#transport);
    this.#everything = new AggregatedDiscovery(this.#transport);
  }

  /** as gives a session that the server takes for somebody else. It uses this one's connections, and ends with it. */
  as(who: Impersonation): KubeSession {
    return new KubeSession(this.#target, this.#options, this.#transport.as(who));
  }

  /** server is the API server's base URL; a path in it goes before every request's. */
  get server(): URL {
    return new URL(this.#transport.server);
  }

  /** dispatcher is the pool itself, for who proxies raw requests; it dials only checked addresses. */
  get dispatcher(): Agent {
    return this.#transport.dispatcher;
  }

  /** dial opens one connection to the API server, for who proxies raw bytes. */
  dial(): Promise<Socket> {
    return this.#transport.dial();
  }

  authorization(): Promise<string | undefined> {
    return this.#transport.authorization();
  }

  /** identity gives the headers by which the API server knows who asks, for requests that are sent through `dispatcher`. */
  identity(): Promise<Record<string, string | string[]>> {
    return this.#transport.identity();
  }

  /** request sends one request as it is. @throws Fault cluster_unreachable, cluster_unauthorized, cluster_forbidden, kube_api */
  request<T = unknown>(method: KubeMethod, path: string, options?: KubeRequestOptions): Promise<T> {
    if (method === 'PATCH' && !options?.contentType)
      throw new Fault('internal', { internal: 'PATCH needs a content type' });
    return this.#transport.request(method, path, options) as Promise<T>;
  }

  /** stream reads an answer as it comes (logs, watches); the caller must consume or destroy the body. */
  stream(path: string, options?: KubeRequestOptions): Promise<Dispatcher.ResponseData['body']> {
    return this.#transport.stream(path, options);
  }

  /** upgrade opens a WebSocket; see `StreamTransport`. */
  upgrade(path: string, options: UpgradeOptions): Promise<WebSocket> {
    return this.#transport.upgrade(path, options);
  }

  /** resourceFor finds the path of a kind by discovery. @throws Fault kube_api with reason `NoKindMatch` */
  resourceFor(apiVersion: string, kind: string): Promise<ApiResource> {
    return this.#discovery.resourceFor(apiVersion, kind);
  }

  /** findKind finds a kind by any of its names; see `AggregatedDiscovery`. @throws Fault kube_api with reason `NoKindMatch` */
  findKind(name: string): Promise<ServedKind> {
    return this.#everything.find(name);
  }

  /** kinds lists everything that the cluster serves. */
  kinds(): Promise<readonly ServedKind[]> {
    return this.#everything.kinds();
  }

  /** apply is server-side apply: the same manifest twice has one effect, and only the fields in it are owned. */
  async apply(manifest: KubeObject | KubeManifest, options: ApplyOptions): Promise<KubeObject> {
    const ref = refOf(manifest);
    const resource = await this.resourceFor(ref.apiVersion, ref.kind);
    const path = objectPath(resource, ref.namespace ?? options.namespace, ref.name);
    return this.request<KubeObject>('PATCH', path, {
      query: {
        fieldManager: options.fieldManager,
        force: options.force ?? false,
        dryRun: options.dryRun ? 'All' : undefined,
      },
      contentType: 'application/apply-patch+yaml',
      body: manifest,
      signal: options.signal,
      beforeSend: options.beforeSend,
      idempotent: true,
    });
  }

  /** get gives the object, or undefined when there is none. A refusal is never taken for absence. */
  async get(ref: KubeRef, namespace?: string, signal?: AbortSignal): Promise<KubeObject | undefined> {
    const resource = await this.resourceFor(ref.apiVersion, ref.kind);
    const path = objectPath(resource, ref.namespace ?? namespace, ref.name);
    return absentAsUndefined(this.request<KubeObject>('GET', path, { signal }));
  }

  /** read gives the object at a path that needs no discovery, or undefined when there is none. */
  read<T>(target: ObjectTarget, signal?: AbortSignal): Promise<T | undefined> {
    const path = objectPath(target.resource, target.namespace, target.name);
    return absentAsUndefined(this.request<T>('GET', path, { signal }));
  }

  /** delete asks for deletion; false when there was nothing to delete. Finalizers may keep the object for a while. */
  async delete(ref: KubeRef, namespace?: string, options: DeleteOptions = {}): Promise<boolean> {
    const resource = await this.resourceFor(ref.apiVersion, ref.kind);
    const path = objectPath(resource, ref.namespace ?? namespace, ref.name);
    const body = {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      propagationPolicy: options.propagationPolicy ?? 'Background',
      ...(options.uid ? { preconditions: { uid: options.uid } } : {}),
      ...(options.dryRun ? { dryRun: ['All'] } : {}),
    };
    const answer = await absentAsUndefined(
      this.request<object>('DELETE', path, {
        body,
        signal: options.signal,
        beforeSend: options.beforeSend,
        idempotent: true,
      }),
    );
    return answer !== undefined;
  }

  /** list gives every object that the selectors choose, page by page under the hood. */
  async list(what: ListOptions): Promise<ListPage> {
    const resource = await this.resourceFor(what.apiVersion, what.kind);
    return listAll(this.#transport, resource, what);
  }

  /** watch yields what there is and then what changes, until the signal aborts; see `watchObjects`. */
  async *watch(what: WatchOptions): AsyncGenerator<WatchEvent> {
    const resource = await this.resourceFor(what.apiVersion, what.kind);
    yield* watchObjects(this.#transport, resource, what);
  }

  /** watchResource is `watch` for a kind whose path is known. */
  watchResource(resource: ApiResource, what: Omit<WatchOptions, 'apiVersion' | 'kind'>): AsyncGenerator<WatchEvent> {
    const { apiVersion, kind } = resource;
    return watchObjects(this.#transport, resource, { ...what, apiVersion, kind });
  }

  /** can asks the cluster whether this identity may do something (SelfSubjectAccessReview). */
  async can(question: AccessQuestion, signal?: AbortSignal): Promise<{ allowed: boolean; reason: string | undefined }> {
    const [resource, subresource] = question.resource.split('/');
    const review = await this.request<V1SelfSubjectAccessReview>(
      'POST',
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      {
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: {
            resourceAttributes: {
              verb: question.verb,
              group: question.group,
              resource,
              subresource,
              namespace: question.namespace,
              name: question.name,
            },
          },
        },
        signal,
        idempotent: true,
      },
    );
    return { allowed: review.status?.allowed ?? false, reason: review.status?.reason || undefined };
  }

  /** requestToken gets a short-lived token of a ServiceAccount (TokenRequest). The API server may shorten or lengthen the time. */
  async requestToken(
    namespace: string,
    serviceAccount: string,
    expirationSeconds: number,
  ): Promise<ServiceAccountToken> {
    const path = `/api/v1/namespaces/${segment(namespace)}/serviceaccounts/${segment(serviceAccount)}/token`;
    const answer = await this.request<{ status: { token: string; expirationTimestamp: string } }>('POST', path, {
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds } },
      idempotent: true,
    });
    return { token: answer.status.token, expiresAtMs: Date.parse(answer.status.expirationTimestamp) };
  }

  /** version gives the cluster's version, such as `v1.36.4`. */
  async version(signal?: AbortSignal): Promise<string> {
    const { gitVersion } = await this.request<{ gitVersion: string }>('GET', '/version', { signal });
    return gitVersion;
  }

  /** dropToken is for who proxies raw requests and saw a 401: the next request gets a new token, what is under way goes on. */
  dropToken(): void {
    this.#transport.dropToken();
  }

  /** retire takes no new requests and lets those under way finish. */
  retire(): void {
    this.#transport.retire();
  }

  /** close ends every connection, requests under way included. */
  close(): Promise<void> {
    return this.#transport.close();
  }
}

function refOf(manifest: KubeObject | KubeManifest): KubeRef {
  const { apiVersion, kind, metadata } = manifest;
  if (!apiVersion || !kind || !metadata?.name)
    throw new Fault('plan_invalid', { public: 'A manifest needs apiVersion, kind and metadata.name.' });
  return { apiVersion, kind, name: metadata.name, namespace: metadata.namespace };
}

async function absentAsUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isKubeStatus(error, 404)) return undefined;
    throw error;
  }
}
