import type { FieldFilter, FieldLines, RequestHead } from '@nm/adapters/proxy';
import { contextHeader } from '@nm/kernel/contracts';
import type { RequestContext } from './request-context.js';
import { type Trace, traceOf } from './trace.js';

/** Never forwarded: the caller's credential, names that only we may set, and headers of earlier gateways that KAMAs would believe. */
const names = [
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
];
const prefixes = ['nm-', 'x-forwarded-'];

const appRequestFilter: FieldFilter = { names, prefixes };
/** `tracestate` belongs to the caller's trace; a trace of our own has none. */
const ownTraceFilter: FieldFilter = { names: [...names, 'tracestate'], prefixes };

/** appRequestFilterOf is what does not pass to an app; once its trace is known. */
export const appRequestFilterOf = (trace: Trace | undefined): FieldFilter =>
  trace?.parentSpanId === undefined ? ownTraceFilter : appRequestFilter;

/** On a cluster the last two choose who the caller is. */
export const clusterRequestFilter: FieldFilter = { names, prefixes: [...prefixes, 'impersonate-', 'x-remote-'] };
/** Nobody may speak in our name. */
export const clusterAnswerFilter: FieldFilter = { names: ['x-request-id'], prefixes: ['nm-'] };
/** Which pages may read its answers a publisher tells us, not the KAMA, which lets in all. */
export const appAnswerFilter: FieldFilter = {
  names: ['x-request-id', 'ratelimit', 'ratelimit-policy'],
  prefixes: ['nm-', 'access-control-'],
};

/** Cookies with this prefix are NMachine's own and mean nothing to a KAMA. */
const ownCookie = /^(?:__Host-|__Secure-)?nm[_-]/;

/** foreignCookies leaves the caller's cookies for the app, without ours. */
function foreignCookies(cookie: string): string {
  const pairs = cookie.split(';').map((pair) => pair.trim());
  return pairs.filter((pair) => pair !== '' && !ownCookie.test(pair)).join('; ');
}

/** Who called. */
function forwardedFields(head: RequestHead): FieldLines {
  const fields = `X-Forwarded-For: ${head.remoteAddress}\r\nX-Forwarded-Proto: ${head.scheme}\r\n`;
  const host = head.header('host');
  return host === undefined ? fields : `${fields}X-Forwarded-Host: ${host}\r\n`;
}

/** Ids of the request and its trace. */
function idFields(head: RequestHead, context: RequestContext): FieldLines {
  context.trace ??= traceOf(head);
  const { requestId, trace } = context;
  return `X-Request-Id: ${requestId}\r\nNm-Request-Id: ${requestId}\r\ntraceparent: ${trace.traceparent}\r\n`;
}

/** sharedAppFields is what an app gets from us with all requests that are alike. @param prefix what was cut off the path @param token the signed context */
export const sharedAppFields = (head: RequestHead, prefix: string, token: string): FieldLines =>
  `${forwardedFields(head)}X-Forwarded-Prefix: ${prefix}\r\n${contextHeader}: ${token}\r\n`;

/** ownAppFields is what it gets with this one only. */
export function ownAppFields(head: RequestHead, context: RequestContext): FieldLines {
  const fields = idFields(head, context);
  const cookie = head.header('cookie');
  const cookies = cookie === undefined ? '' : foreignCookies(cookie);
  return cookies === '' ? fields : `${fields}Cookie: ${cookies}\r\n`;
}

/** clusterFields makes the fields for a Kubernetes API, all but the session's own credential. */
export const clusterFields = (head: RequestHead, context: RequestContext): FieldLines =>
  idFields(head, context) + forwardedFields(head);
