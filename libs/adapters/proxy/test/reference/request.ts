import { isToken, readFields, tokensOf, valuesOf } from './fields.js';
import { declaredFraming, type Framing, readContent } from './framing.js';
import { Octets } from './octets.js';
import { type Field, type Reading, reading, refuse } from './reading.js';

export interface RequestHeadRead {
  readonly method: string;
  /** Byte for byte. */
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly fields: readonly Field[];
  readonly framing: Framing;
  /** The connection may carry another request afterwards (RFC 9112 §9.3). */
  readonly persistent: boolean;
  /** Protocols that the client would switch to (RFC 9110 §7.8), when it asked for it properly. */
  readonly upgrade?: string;
}

export interface RequestRead extends RequestHeadRead {
  readonly body: Buffer;
  readonly trailers: readonly Field[];
}

/** uri-host [":" port] (RFC 9110 §7.2, RFC 3986 §3.2.2), not empty; brackets hold an IPv6 address or IPvFuture. */
const hostForm =
  /^(?:\[(?:[0-9A-Fa-f:.]+|v[0-9A-Fa-f]+\.[0-9A-Za-z\-._~!$&'()*+,;=:]+)\]|(?:[0-9A-Za-z\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::[0-9]*)?$/;

/** readRequest reads one request from the start of the bytes, as a gateway may forward it. */
export const readRequest = (bytes: Buffer): Reading<RequestRead> =>
  reading(() => {
    const octets = new Octets(bytes);
    const head = takeRequestHead(octets);
    const content = readContent(octets, head.framing);
    return { message: { ...head, ...content }, rest: octets.rest() };
  });

/** readRequestHead stops after the empty line. */
export const readRequestHead = (bytes: Buffer): Reading<RequestHeadRead> =>
  reading(() => {
    const octets = new Octets(bytes);
    return { message: takeRequestHead(octets), rest: octets.rest() };
  });

function takeRequestHead(octets: Octets): RequestHeadRead {
  octets.skipEmptyLines();
  const { method, target, version } = requestLine(octets.line());
  const fields = readFields(octets);
  const hosts = valuesOf(fields, 'host');
  // RFC 9112 §3.2: 400 for a missing Host on 1.1, for more than one, for an invalid one.
  if (hosts.length > 1) refuse('more than one Host');
  if (hosts.length === 0 && version === '1.1') refuse('no Host');
  if (hosts[0] !== undefined && !hostForm.test(hosts[0])) refuse('Host is no host');
  checkTarget(method, target, hosts[0]);
  const options = tokensOf(fields, 'connection');
  // RFC 9112 §6.3 item 7: a request without a declared length has no body.
  const framing = declaredFraming(fields, version) ?? { kind: 'none' };
  const upgrade = valuesOf(fields, 'upgrade').join(', ');
  return {
    method,
    target,
    version,
    fields,
    framing,
    persistent: isPersistent(options, version),
    // RFC 9110 §7.8: an HTTP/1.0 Upgrade is ignored, and so is one that Connection does not name.
    ...(version === '1.1' && upgrade !== '' && options.includes('upgrade') ? { upgrade } : {}),
  };
}

/** RFC 9112 §9.3, in its order. */
export const isPersistent = (options: readonly string[], version: '1.0' | '1.1'): boolean => {
  if (options.includes('close')) return false;
  return version === '1.1' || options.includes('keep-alive');
};

/** RFC 9112 §3: method SP request-target SP HTTP-version; the lenient splitting at white space of §3 is not used. */
function requestLine(line: string): { method: string; target: string; version: '1.0' | '1.1' } {
  const parts = line.split(' ');
  if (parts.length !== 3) refuse('a request line is three words with one space between');
  const [method, target, protocol] = parts as [string, string, string];
  if (!isToken(method)) refuse('the method is no token');
  // RFC 9112 §3.2 and RFC 3986: no white space, no control character, nothing beyond ASCII. A fragment is no part of a target.
  if (!/^[\x21-\x7e]+$/.test(target) || target.includes('#')) refuse('the target holds what no target may');
  return { method, target, version: versionOf(protocol) };
}

/** RFC 9112 §2.3: case-sensitive; only the two versions that this gateway speaks. */
export function versionOf(protocol: string): '1.0' | '1.1' {
  if (protocol === 'HTTP/1.1') return '1.1';
  if (protocol === 'HTTP/1.0') return '1.0';
  return refuse('neither HTTP/1.0 nor HTTP/1.1');
}

/**
 * RFC 9112 §3.2.1–3.2.4. CONNECT asks for a tunnel that a gateway to apps does not offer. Absolute-form must name the same authority as Host:
 * §3.2.2 lets the target win, but the next server may let Host win.
 */
function checkTarget(method: string, target: string, host: string | undefined): void {
  if (method === 'CONNECT') refuse('CONNECT');
  if (target.startsWith('/')) return;
  if (target === '*') {
    if (method !== 'OPTIONS') refuse('the asterisk is for OPTIONS');
    return;
  }
  const absolute = /^https?:\/\/([^/?]+)(?:[/?].*)?$/i.exec(target);
  if (!absolute) refuse('the target has none of the four forms');
  if (!hostForm.test(absolute[1] as string)) refuse('the target has a malformed authority');
  if (host !== undefined && host.toLowerCase() !== (absolute[1] as string).toLowerCase())
    refuse('Host and target name two authorities');
}
