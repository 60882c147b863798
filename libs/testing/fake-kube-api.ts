import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession, type KubeTarget, type TransportOptions } from '@nm/adapters/k8kat';
import { type CertifiedKey, selfSigned } from './certificates.js';

/** An object as the fake keeps it. */
export interface Stored {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    [more: string]: unknown;
  };
  [field: string]: unknown;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type WatchLine = { type: string; object: unknown };

/** Says true when it has answered (or wants no answer). */
export type Intercept = (request: SeenRequest, response: ServerResponse) => boolean;

/** What pods can be selected by; anything else is a 400, as on a real server. */
const podFields = new Set([
  'spec.nodeName',
  'spec.serviceAccountName',
  'spec.hostNetwork',
  'status.phase',
  'status.podIP',
]);

/**
 * FakeKubeApi is an API server over TLS that keeps objects in memory: lists with selectors and pages, watches, patches, deletions. It selects by
 * code of its own, and `intercept` makes it misbehave in every way that a real one does on its worst day.
 */
export class FakeKubeApi {
  readonly seen: SeenRequest[] = [];
  intercept: Intercept | undefined;
  connections = 0;
  bytesSent = 0;
  readonly #objects = new Map<string, Stored>();
  readonly #log: { collection: string; version: number; line: WatchLine }[] = [];
  readonly #watchers = new Set<{ collection: string; send: (line: WatchLine) => void; response: ServerResponse }>();
  #version = 100;
  /** Watches from before this version are answered with 410. */
  forgotten = 0;

  private constructor(
    readonly server: Server,
    readonly certified: CertifiedKey,
  ) {}

  static async open(): Promise<FakeKubeApi> {
    const certified = await selfSigned('api', { ip: ['127.0.0.1'] });
    const server = createServer({ cert: certified.certificate, key: certified.key });
    const api = new FakeKubeApi(server, certified);
    server.on('secureConnection', () => api.connections++);
    server.on('request', (request, response) => void api.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return api;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  session(target: Partial<KubeTarget> = {}, options: Partial<TransportOptions> = {}): KubeSession {
    const { port } = this.server.address() as AddressInfo;
    return new KubeSession(
      { server: `https://127.0.0.1:${port}`, ca: this.certified.certificate, token: 't', ...target },
      { policy: new EgressPolicy({ allow: ['127.0.0.0/8'] }), timeoutMs: 10_000, ...options },
    );
  }

  /** requests gives what was asked since the last reset, as `GET /path`. */
  get requests(): string[] {
    return this.seen.map(({ method, path }) => `${method} ${path}`);
  }
  reset(): void {
    this.seen.length = 0;
    this.bytesSent = 0;
    this.intercept = undefined;
  }

  /** put stores an object under its collection (`pods`), and tells the watchers. */
  put(collection: string, object: Stored): Stored {
    const key = keyOf(collection, object.metadata.namespace, object.metadata.name);
    const before = this.#objects.get(key);
    const version = `${++this.#version}`;
    const stored: Stored = {
      ...object,
      metadata: {
        uid: before?.metadata.uid ?? `uid-${version}`,
        creationTimestamp: '2026-01-01T00:00:00Z',
        ...object.metadata,
        resourceVersion: version,
      },
    };
    this.#objects.set(key, stored);
    this.#tell(collection, { type: before ? 'MODIFIED' : 'ADDED', object: stored });
    return stored;
  }
  remove(collection: string, namespace: string | undefined, name: string): boolean {
    const key = keyOf(collection, namespace, name);
    const before = this.#objects.get(key);
    if (!before || !this.#objects.delete(key)) return false;
    const gone = { ...before, metadata: { ...before.metadata, resourceVersion: `${++this.#version}` } };
    this.#tell(collection, { type: 'DELETED', object: gone });
    return true;
  }
  clear(): void {
    this.#objects.clear();
  }
  /** bookmark tells the watchers of a collection how far they are. */
  bookmark(collection: string): void {
    const line = { type: 'BOOKMARK', object: { metadata: { resourceVersion: `${this.#version}` } } };
    for (const watcher of this.#watchers) if (watcher.collection === collection) watcher.send(line);
  }
  get watchers(): number {
    return this.#watchers.size;
  }
  /** cutWatches breaks every watch, in the middle of a line. */
  cutWatches(): void {
    for (const { response } of this.#watchers) {
      response.write('{"type":"MODIFIED","obj');
      response.socket?.destroy();
    }
  }

  #tell(collection: string, line: WatchLine): void {
    this.#log.push({ collection, version: this.#version, line });
    for (const watcher of this.#watchers) if (watcher.collection === collection) watcher.send(line);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'https://api');
    const { method = 'GET', headers } = request;
    const body = Buffer.concat(chunks).toString();
    const seen = { method, path: url.pathname, query: url.searchParams, headers, body };
    this.seen.push(seen);
    if (this.intercept?.(seen, response)) return;
    const place = /^\/(?:api|apis\/[^/]+)\/[^/]+(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?$/.exec(url.pathname);
    if (!place) return void this.json(response, 404, statusOf(404, 'NotFound'));
    const [, namespace, collection = '', name] = place;
    if (name === undefined) this.#collection(seen, response, collection, namespace);
    else this.#object(seen, response, collection, namespace, name);
  }

  #collection(seen: SeenRequest, response: ServerResponse, collection: string, namespace: string | undefined): void {
    if (seen.method === 'POST') {
      const object = JSON.parse(seen.body) as Stored;
      const metadata = { ...object.metadata, ...(namespace ? { namespace } : {}) };
      if (this.#objects.has(keyOf(collection, namespace, metadata.name)))
        return void this.json(response, 409, statusOf(409, 'AlreadyExists'));
      return void this.json(response, 201, this.put(collection, { ...object, metadata }));
    }
    const fields = parseFields(seen.query.get('fieldSelector') ?? '');
    const unknown = fields.find(
      ({ path }) => !path.startsWith('metadata.') && !(collection === 'pods' && podFields.has(path)),
    );
    if (unknown)
      return void this.json(response, 400, statusOf(400, 'BadRequest', `field label not supported: ${unknown.path}`));
    const labels = splitSelector(seen.query.get('labelSelector') ?? '');
    const fits = (object: Stored) =>
      (namespace === undefined || object.metadata.namespace === namespace) &&
      labels.every((requirement) => fitsLabel(requirement, object.metadata.labels ?? {})) &&
      fields.every(({ path, op, value }) => (valueAt(object, path) === value) === (op === '='));
    if (seen.query.get('watch') === 'true') return void this.#watch(seen, response, collection, fits);
    const chosen = this.#sorted(collection).filter(fits);
    if (seen.method === 'DELETE') {
      for (const { metadata } of chosen) this.remove(collection, metadata.namespace, metadata.name);
      return void this.json(response, 200, { kind: 'List', items: chosen });
    }
    this.#list(seen, response, collection, chosen);
  }

  #list(seen: SeenRequest, response: ServerResponse, collection: string, chosen: Stored[]): void {
    const after = seen.query.get('continue');
    const rest = after
      ? chosen.filter(({ metadata }) => keyOf(collection, metadata.namespace, metadata.name) > after)
      : chosen;
    const page = rest.slice(0, Number(seen.query.get('limit') ?? rest.length));
    const last = page.at(-1)?.metadata;
    const isPartial = seen.headers.accept?.includes('PartialObjectMetadataList') === true;
    this.json(response, 200, {
      kind: 'List',
      apiVersion: 'v1',
      metadata: {
        resourceVersion: `${this.#version}`,
        ...(last && page.length < rest.length
          ? { continue: keyOf(collection, last.namespace, last.name), remainingItemCount: rest.length - page.length }
          : {}),
      },
      items: page.map(({ apiVersion: _, kind: __, ...object }) => (isPartial ? { metadata: object.metadata } : object)),
    });
  }

  #watch(seen: SeenRequest, response: ServerResponse, collection: string, fits: (object: Stored) => boolean): void {
    const from = Number(seen.query.get('resourceVersion'));
    if (from < this.forgotten) return void this.json(response, 410, statusOf(410, 'Expired'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const send = (line: WatchLine) => {
      if (line.type === 'BOOKMARK' || fits(line.object as Stored)) response.write(`${JSON.stringify(line)}\n`);
    };
    for (const past of this.#log) if (past.collection === collection && past.version > from) send(past.line);
    const watcher = { collection, send, response };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
  }

  #object(
    seen: SeenRequest,
    response: ServerResponse,
    collection: string,
    namespace: string | undefined,
    name: string,
  ): void {
    const found = this.#objects.get(keyOf(collection, namespace, name));
    if (!found) return void this.json(response, 404, statusOf(404, 'NotFound'));
    if (seen.method === 'DELETE') {
      this.remove(collection, namespace, name);
      return void this.json(response, 200, statusOf(200, ''));
    }
    if (seen.method !== 'PATCH') return void this.json(response, 200, found);
    const patch = JSON.parse(seen.body) as { metadata?: { resourceVersion?: string } };
    const wanted = patch.metadata?.resourceVersion;
    if (wanted !== undefined && wanted !== found.metadata.resourceVersion)
      return void this.json(response, 409, statusOf(409, 'Conflict', 'the object has been modified'));
    this.json(response, 200, this.put(collection, mergePatch(found, patch) as Stored));
  }

  #sorted(collection: string): Stored[] {
    return [...this.#objects]
      .filter(([key]) => key.startsWith(`${collection} `))
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([, object]) => object);
  }

  json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
    const text = JSON.stringify(body);
    this.bytesSent += text.length;
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  }
}

/** statusOf is the API server's way to say no. */
export const statusOf = (code: number, reason: string, message = 'because') => ({
  kind: 'Status',
  code,
  reason,
  message,
});

const keyOf = (collection: string, namespace: string | undefined, name: string): string =>
  `${collection} ${namespace ?? ''} ${name}`;

const splitSelector = (text: string): string[] => (text === '' ? [] : text.split(/,(?![^(]*\))/));

/** As the API server's own documentation has it: an exclusion also takes what lacks the key. */
function fitsLabel(requirement: string, given: Record<string, string>): boolean {
  // A label may be called `constructor`.
  const labels: Record<string, string> = Object.assign(Object.create(null), given);
  const set = /^(\S+) (in|notin) \(([^)]*)\)$/.exec(requirement);
  if (set?.[1]) return (set[3] ?? '').split(',').includes(labels[set[1]] ?? '\0') === (set[2] === 'in');
  if (requirement.startsWith('!')) return !Object.hasOwn(labels, requirement.slice(1));
  const pair = /^([^!=]+)(!?=)(.*)$/.exec(requirement);
  return pair?.[1] ? (labels[pair[1]] === pair[3]) === (pair[2] === '=') : Object.hasOwn(labels, requirement);
}

function parseFields(text: string): { path: string; op: string; value: string }[] {
  if (text === '') return [];
  return text.split(/(?<!\\),/).map((part) => {
    const [, path = '', op = '', value = ''] = /^([^!=]+)(!=|=)(.*)$/.exec(part) ?? [];
    return { path, op, value: value.replace(/\\(.)/g, '$1') };
  });
}

function valueAt(object: Stored, path: string): string {
  let value: unknown = object;
  for (const part of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
  return value === undefined ? (path === 'spec.hostNetwork' ? 'false' : '') : String(value);
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = { ...(typeof target === 'object' && target !== null ? target : {}) };
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  return merged;
}
