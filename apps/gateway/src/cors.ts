import type { FieldLines } from '@nm/adapters/proxy';
import type { AppEntry } from '@nm/features/routing';

/** What a page may read of an answer beyond the safelisted fields (Fetch, §3.2.5). */
const exposed =
  'Nm-Licence-State, Nm-Licence-Expires, Nm-Wake-Ms, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, X-Request-Id';
/** A browser asks again after this many seconds, so that a removed origin is out soon. */
const preflightSeconds = 600;
const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE';

const listed = (app: AppEntry, origin: string): boolean => app.corsOrigins.includes(origin);
const open = (app: AppEntry): boolean => app.corsOrigins.includes('*');

/** isPreflight (Fetch, §3.2.2): a browser asks whether it may send what a page wants to send. */
export const isPreflight = (method: string, origin: string | undefined, asksFor: string | undefined): boolean =>
  method === 'OPTIONS' && origin !== undefined && asksFor !== undefined;

/**
 * corsFields lets a page of a listed origin read the answer, with cookies; with `*` any page, without. `Vary` is there whenever another origin
 * could get another answer.
 */
export function corsFields(app: AppEntry | undefined, origin: string | undefined): FieldLines {
  if (!app || app.corsOrigins.length === 0) return '';
  if (origin !== undefined && listed(app, origin))
    return `Access-Control-Allow-Origin: ${origin}\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: ${exposed}\r\nVary: Origin\r\n`;
  if (origin !== undefined && open(app))
    return `Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: ${exposed}\r\nVary: Origin\r\n`;
  return 'Vary: Origin\r\n';
}

/** preflightFields answers a preflight without asking for a credential, which browsers do not send with it. For an app that is missing as for one that does not list the origin. */
export function preflightFields(
  app: AppEntry | undefined,
  origin: string,
  asksHeaders: string | undefined,
): FieldLines {
  const vary = 'Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n';
  if (!app || !(listed(app, origin) || open(app))) return vary;
  const who = listed(app, origin)
    ? `Access-Control-Allow-Origin: ${origin}\r\nAccess-Control-Allow-Credentials: true\r\n`
    : 'Access-Control-Allow-Origin: *\r\n';
  const headers = asksHeaders === undefined ? '' : `Access-Control-Allow-Headers: ${asksHeaders}\r\n`;
  return `${who}Access-Control-Allow-Methods: ${methods}\r\n${headers}Access-Control-Max-Age: ${preflightSeconds}\r\n${vary}`;
}
