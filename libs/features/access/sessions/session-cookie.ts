import { Fault } from '@nm/kernel/fault';
import { isSafeMethod } from '@nm/kernel/licensing';

/** How the session's cookie is called and kept, by the address at which browsers reach us. */
export interface CookieForm {
  readonly name: '__Host-nm_session' | 'nm_session';
  readonly secure: boolean;
}

/**
 * cookieFormOf: over https a `__Host-` cookie (RFC 6265bis §4.1.3.2), on this machine's own loopback a plain one, elsewhere none,
 * since a session that travels in the clear is anybody's.
 */
export function cookieFormOf(publicUrl: string): CookieForm | undefined {
  const { protocol, hostname } = new URL(publicUrl);
  if (protocol === 'https:') return { name: '__Host-nm_session', secure: true };
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname) ? { name: 'nm_session', secure: false } : undefined;
}

/** sessionCookie is the `Set-Cookie` value of a session, or of its end (`text` empty). */
export function sessionCookie(form: CookieForm, text: string, secondsMax: number): string {
  const secure = form.secure ? '; Secure' : '';
  return `${form.name}=${text}; Path=/; Max-Age=${text === '' ? 0 : secondsMax}; HttpOnly; SameSite=Lax${secure}`;
}

const cookieBytesMax = 16_384;

/** readSessionCookie finds the session in a `Cookie` value; undefined when there is none, or two (then one of them was planted). */
export function readSessionCookie(header: string | undefined, form: CookieForm): string | undefined {
  if (header === undefined || header.length > cookieBytesMax) return undefined;
  let found: string | undefined;
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=');
    if (at < 0 || pair.slice(0, at).trim() !== form.name) continue;
    if (found !== undefined) return undefined;
    found = pair.slice(at + 1).trim();
  }
  return found !== undefined && /^[\w.-]+$/.test(found) ? found : undefined;
}

/** What tells where a browser's request comes from. */
export interface RequestOrigin {
  readonly method: string;
  /** A protocol upgrade: browsers open WebSockets to other sites without asking. */
  readonly upgrade: boolean;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site`. */
  readonly fetchSite: string | undefined;
  /** `Nm-Csrf`: a header that no form can send and no script may send to another site unasked. */
  readonly csrf: string | undefined;
}

/**
 * requireOwnPage refuses, with a cookie as the credential, whatever changes something and does not come from a page of our own.
 * Safe methods pass, since other pages cannot read the answer. Without any sign of its origin a request needs the header `Nm-Csrf`.
 * @param origins whose pages may: our own, and those that the app names for CORS
 * @throws Fault csrf_refused
 */
export function requireOwnPage(request: RequestOrigin, origins: readonly string[]): void {
  if (isSafeMethod(request.method) && !request.upgrade) return;
  const { origin, fetchSite, csrf } = request;
  if (fetchSite === 'same-origin' || (origin !== undefined && origins.includes(origin))) return;
  if (origin === undefined && fetchSite === undefined && csrf !== undefined) return;
  throw new Fault('csrf_refused');
}
