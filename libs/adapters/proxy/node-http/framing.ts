import type { IncomingMessage } from 'node:http';
import { isToken, splitList } from '../headers.js';

/** More fields than any honest client sends; each costs us and the upstream work. */
const headerFieldsMax = 100;

/** host [":" port] of RFC 9110 §7.2, without user information; a literal IPv6 address in brackets. */
const hostForm = /^(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~!$&'()*+,;=-]+)(?::[0-9]{1,5})?$/;

export interface FramingFault {
  readonly status: 400 | 431;
  readonly reason: string;
}

const bad = (reason: string): FramingFault => ({ status: 400, reason });

/**
 * checkFraming refuses what Node's parser lets through but two servers could read differently (request smuggling, RFC 9112 §11.2):
 * `Transfer-Encoding` beside `Content-Length`, other than exactly `chunked`, or on HTTP/1.0; a `Host` that is missing, doubled or malformed;
 * malformed `Connection` options; a target that is no path, or names another authority than `Host`.
 */
export function checkFraming(request: IncomingMessage): FramingFault | undefined {
  const { httpVersion, rawHeaders } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return bad('only HTTP/1.0 and HTTP/1.1 are spoken here');
  if (rawHeaders.length > headerFieldsMax * 2)
    return { status: 431, reason: `more than ${headerFieldsMax} header fields` };
  const badTarget = targetFault(request);
  if (badTarget) return bad(badTarget);
  let hosts = 0;
  let lengths = 0;
  let encodings = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const value = rawHeaders[i + 1] as string;
    // Lengths first: a header name is lower-cased only when it can be one of the four.
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === 'host' && (++hosts > 1 || !hostForm.test(value)))
          return bad('Host must be given once, as host or host:port');
        break;
      case 10:
        if (name.toLowerCase() === 'connection' && !splitList(value).every(isToken))
          return bad('Connection must be a list of tokens');
        break;
      case 14:
        if (name.toLowerCase() === 'content-length' && (++lengths > 1 || !/^\d{1,15}$/.test(value)))
          return bad('Content-Length must be given once, as a number');
        break;
      case 17:
        if (name.toLowerCase() === 'transfer-encoding' && (++encodings > 1 || value.trim().toLowerCase() !== 'chunked'))
          return bad('Transfer-Encoding must be exactly "chunked"');
        break;
    }
  }
  if (hosts === 0 && httpVersion === '1.1') return bad('Host is missing');
  if (encodings > 0 && lengths > 0) return bad('Transfer-Encoding and Content-Length exclude each other');
  if (encodings > 0 && httpVersion === '1.0') return bad('HTTP/1.0 has no Transfer-Encoding');
  return undefined;
}

/** RFC 9112 §3.2: origin-form; `*` for OPTIONS; absolute-form when it agrees with Host. A fragment is no part of a target. */
function targetFault({ method, url = '', headers }: IncomingMessage): string | undefined {
  if (url.includes('#')) return 'a request target has no fragment';
  if (url.startsWith('/') || (url === '*' && method === 'OPTIONS')) return undefined;
  const authority = /^https?:\/\/([^/?]+)/i.exec(url)?.[1];
  if (authority === undefined || !hostForm.test(authority)) return 'the request target is no path';
  const agrees = headers.host === undefined || headers.host.toLowerCase() === authority.toLowerCase();
  return agrees ? undefined : 'the request target and Host name two authorities';
}
