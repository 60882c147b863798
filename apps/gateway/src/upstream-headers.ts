import type { IncomingMessage } from 'node:http';
import { endToEnd } from '@nm/adapters/proxy';
import { contextHeader } from '@nm/kernel/contracts';
import { type RequestContext, traceparentOf } from './request-context.js';

/** Never forwarded: the caller's credential, names that only we may set, and headers of earlier gateways that KAMAs would believe. */
const dropped = new Set([
  'appns',
  'authorization',
  'cookie',
  'forwarded',
  'host',
  'ktx',
  'traceparent',
  'wizns',
  'x-real-ip',
  'x-request-id',
]);
const droppedPrefixes = ['nm-', 'x-forwarded-'];
/** On a cluster these choose who the caller is. */
const clusterPrefixes = ['impersonate-', 'x-remote-'];

const startsWithAny = (name: string, starts: readonly string[]): boolean =>
  starts.some((start) => name.startsWith(start));

/** Cookies with this prefix are NMachine's own and mean nothing to a KAMA. */
const ownCookie = /^(?:__Host-|__Secure-)?nm[_-]/;

/** foreignCookies leaves the caller's cookies for the app, without ours. */
function foreignCookies(cookie: string | undefined): string | undefined {
  const kept = (cookie ?? '').split(';').filter((pair) => pair.trim() !== '' && !ownCookie.test(pair.trim()));
  return kept.length > 0 ? kept.map((pair) => pair.trim()).join('; ') : undefined;
}

/** commonFields is what both routes add: ids of the request and trace, and who called. */
function commonFields(request: IncomingMessage, context: RequestContext, headers: string[]): void {
  const trace = traceparentOf(request);
  headers.push('X-Request-Id', context.requestId, 'traceparent', trace.value);
  headers.push('X-Forwarded-For', request.socket.remoteAddress ?? 'unknown', 'X-Forwarded-Proto', 'http');
  if (request.headers.host !== undefined) headers.push('X-Forwarded-Host', request.headers.host);
}

/** kamaHeaders makes the fields for a KAMA. @param prefix what was cut off the path */
export function kamaHeaders(
  request: IncomingMessage,
  context: RequestContext,
  contextToken: string,
  prefix: string,
): string[] {
  const headers = endToEnd(request.rawHeaders, (name) => dropped.has(name) || startsWithAny(name, droppedPrefixes));
  const cookies = foreignCookies(request.headers.cookie);
  if (cookies !== undefined) headers.push('Cookie', cookies);
  commonFields(request, context, headers);
  headers.push('X-Forwarded-Prefix', prefix, contextHeader, contextToken);
  return headers;
}

/** clusterHeaders makes the fields for a Kubernetes API. @param authorization the session's own credential */
export function clusterHeaders(
  request: IncomingMessage,
  context: RequestContext,
  authorization: string | undefined,
): string[] {
  const headers = endToEnd(
    request.rawHeaders,
    (name) => dropped.has(name) || startsWithAny(name, droppedPrefixes) || startsWithAny(name, clusterPrefixes),
  );
  commonFields(request, context, headers);
  if (authorization !== undefined) headers.push('Authorization', authorization);
  return headers;
}

/** dropFromAnswer: a KAMA may not speak in our name. */
export const dropFromAnswer = (name: string): boolean => name === 'x-request-id' || name.startsWith('nm-');
