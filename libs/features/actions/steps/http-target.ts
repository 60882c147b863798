import type { ServiceRef } from '@nm/kernel/contracts';
import type { Dispatcher } from 'undici';
import type { StepContext } from './step-context.js';

export interface HttpCall {
  readonly method: Dispatcher.HttpMethod;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Called once the connection stands, right before the request is written; what it throws ends it unsent. */
  readonly leave?: (() => void) | undefined;
}

/** HttpTarget is where an HTTP step sends to: a Service through the API server's proxy, or a public URL through egress. */
export interface HttpTarget {
  /** For people. */
  readonly name: string;
  send(call: HttpCall, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
}

/** httpTarget @throws (on send) Fault egress_denied for a url that may not be dialled */
export function httpTarget(
  { service, url }: { readonly service?: ServiceRef | undefined; readonly url?: string | undefined },
  { session, egress, namespace }: StepContext,
): HttpTarget {
  if (!service) {
    const target = new URL(url ?? '');
    return { name: target.href, send: (call, signal) => send(egress, target, {}, call, signal) };
  }
  const { name, port, path } = service;
  const prefix = `/api/v1/namespaces/${namespace}/services/${encodeURIComponent(`${name}:${port}`)}/proxy`;
  return {
    name: `Service ${name}:${port}${path}`,
    send: async (call, signal) => {
      const current = await session.current();
      const { server } = current;
      const target = new URL(`${server.pathname.replace(/\/+$/, '')}${prefix}${path}`, server);
      const authorization = await current.authorization();
      return send(current.dispatcher, target, authorization ? { authorization } : {}, call, signal);
    },
  };
}

const send = (
  dispatcher: Dispatcher,
  url: URL,
  identity: Record<string, string>,
  { method, headers, body, leave }: HttpCall,
  signal: AbortSignal,
) =>
  (leave ? dispatcher.compose(leaving(leave)) : dispatcher).request({
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: {
      'user-agent': 'nmachine',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
      ...identity,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal,
  });

const leaving =
  (leave: () => void): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) =>
    dispatch(options, {
      onRequestStart: (...args) => {
        leave();
        handler.onRequestStart?.(...args);
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    });
