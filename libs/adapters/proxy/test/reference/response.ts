import { isFieldText, readFields, tokensOf } from './fields.js';
import { declaredFraming, type Framing, readContent } from './framing.js';
import { Octets } from './octets.js';
import { type Field, Incomplete, type Reading, reading, refuse } from './reading.js';
import { isPersistent, versionOf } from './request.js';

export interface ResponseRead {
  readonly version: '1.0' | '1.1';
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  readonly framing: Framing;
  readonly body: Buffer;
  readonly trailers: readonly Field[];
  readonly persistent: boolean;
}

export interface ResponseContext {
  /** Of the request that this answers: it decides about the body (RFC 9112 §6.3). */
  readonly method: string;
  /** The peer has closed its side: only then does a body without a length end. */
  readonly ended: boolean;
}

/** readResponse reads one response, interim ones (1xx) included, from the start of the bytes. */
export const readResponse = (bytes: Buffer, context: ResponseContext): Reading<ResponseRead> =>
  reading(() => {
    const octets = new Octets(bytes);
    const { version, status, reason } = statusLine(octets.line());
    const fields = readFields(octets);
    const declared = declaredFraming(fields, version);
    // RFC 9112 §6.1: "A server MUST NOT send a Transfer-Encoding header field in any response with a status code of 1xx or 204".
    if (declared?.kind === 'chunked' && (status < 200 || status === 204)) refuse('Transfer-Encoding on 1xx or 204');
    const options = tokensOf(fields, 'connection');
    const framing = framingOf(status, context.method, declared);
    if (framing.kind === 'until-close' && !context.ended) throw new Incomplete();
    const content = readContent(octets, framing);
    const persistent = isPersistent(options, version) && framing.kind !== 'until-close';
    return { message: { version, status, reason, fields, framing, ...content, persistent }, rest: octets.rest() };
  });

/** RFC 9112 §6.3 items 1, 4, 6 and 8; item 2 (CONNECT) cannot happen here. */
function framingOf(status: number, method: string, declared: Framing | undefined): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { kind: 'none' };
  return declared ?? { kind: 'until-close' };
}

/** RFC 9112 §4: HTTP-version SP status-code SP [ reason-phrase ]; RFC 9110 §15: codes are 100 to 599, three digits. */
function statusLine(line: string): { version: '1.0' | '1.1'; status: number; reason: string } {
  const match = /^(\S+) ([1-9][0-9][0-9])(?: (.*))?$/s.exec(line);
  if (!match) refuse('no status line');
  const reason = match[3] ?? '';
  if (!isFieldText(reason)) refuse('a reason phrase holds a control character');
  return { version: versionOf(match[1] as string), status: Number(match[2]), reason };
}
