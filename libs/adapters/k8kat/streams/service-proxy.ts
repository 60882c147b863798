import type { KubeSession } from '../session/kube-session.js';
import { segment } from '../transport/kube-paths.js';

/** Where a request goes: a service's port, by name or number. */
export interface ProxyPlace {
  readonly namespace: string;
  readonly name: string;
  readonly port: string | number | undefined;
}

export interface ProxyOptions {
  readonly port?: string | number;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  /** The service speaks TLS. */
  readonly https?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What the service answered, whatever its status. */
export interface ProxyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** @throws SyntaxError when the answer is not JSON */
  json<T = unknown>(): T;
}

/**
 * proxyToService sends a request through the API server's service proxy. Every status that the service answers is an answer; the API
 * server's own 503 ("no endpoints available") is one too, since nothing tells them apart.
 */
export async function proxyToService(
  session: KubeSession,
  place: ProxyPlace,
  method: string,
  path: string,
  options: ProxyOptions = {},
): Promise<ProxyAnswer> {
  const { server } = session;
  const port = place.port === undefined ? '' : `:${place.port}`;
  const target = `${options.https ? 'https:' : ''}${place.name}${options.https && !port ? ':' : port}`;
  const base = `${server.pathname.replace(/\/+$/, '')}/api/v1/namespaces/${segment(place.namespace)}/services/${target}/proxy`;
  const identity = await session.identity();
  const reply = await session.dispatcher.request({
    origin: server.origin,
    path: `${base}/${path.replace(/^\/+/, '')}`,
    method: method.toUpperCase() as 'GET',
    query: options.query ?? {},
    headers: { 'user-agent': 'nmachine', ...options.headers, ...identity },
    body: options.body ?? null,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const text = await reply.body.text();
  return { status: reply.statusCode, headers: reply.headers, text, json: <T>() => JSON.parse(text) as T };
}
