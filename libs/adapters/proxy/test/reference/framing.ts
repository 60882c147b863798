import { readFields, valuesOf } from './fields.js';
import type { Octets } from './octets.js';
import { type Field, refuse } from './reading.js';

/** How the end of a message is found (RFC 9112 §6). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

export interface Content {
  readonly body: Buffer;
  readonly trailers: readonly Field[];
}

/**
 * declaredFraming is what the head says about the length, or undefined when it says nothing.
 * RFC 9112 §6.1: TE and CL together "ought to be handled as an error", TE on HTTP/1.0 is faulty framing; a coding other than the one and only
 * `chunked` has a meaning that the next recipient may not share. §6.3: several or invalid Content-Length values are unrecoverable; the
 * permission to merge equal ones is not used.
 */
export function declaredFraming(fields: readonly Field[], version: '1.0' | '1.1'): Framing | undefined {
  const encodings = valuesOf(fields, 'transfer-encoding');
  const lengths = valuesOf(fields, 'content-length');
  if (encodings.length > 0) {
    if (lengths.length > 0) refuse('Transfer-Encoding beside Content-Length');
    if (version === '1.0') refuse('Transfer-Encoding on HTTP/1.0');
    if (encodings.length > 1) refuse('more than one Transfer-Encoding');
    if (encodings[0]?.toLowerCase() !== 'chunked') refuse('a Transfer-Encoding other than chunked');
    return { kind: 'chunked' };
  }
  if (lengths.length === 0) return undefined;
  if (lengths.length > 1) refuse('more than one Content-Length');
  return { kind: 'length', length: decimal(lengths[0] as string) };
}

/** RFC 9110 §8.6: 1*DIGIT; "a recipient MUST anticipate potentially large decimal numerals and prevent parsing errors". */
function decimal(text: string): number {
  if (!/^[0-9]+$/.test(text)) refuse('Content-Length is no decimal number');
  if (BigInt(text) > BigInt(Number.MAX_SAFE_INTEGER)) refuse('Content-Length is too large');
  return Number(text);
}

/** readContent takes the body. */
export function readContent(octets: Octets, framing: Framing): Content {
  switch (framing.kind) {
    case 'none':
      return { body: Buffer.alloc(0), trailers: [] };
    case 'length':
      return { body: octets.take(framing.length), trailers: [] };
    case 'chunked':
      return readChunked(octets);
    case 'until-close':
      return { body: octets.all(), trailers: [] };
  }
}

const tokenText = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
/** RFC 9110 §5.6.4 */
const quotedText = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
/** RFC 9112 §7.1.1: *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ) */
const chunkLine = new RegExp(
  `^([0-9A-Fa-f]+)(?:[ \\t]*;[ \\t]*${tokenText}(?:[ \\t]*=[ \\t]*(?:${tokenText}|${quotedText}))?)*$`,
);

/** readChunked: RFC 9112 §7.1, with the trailer section of §7.1.2. */
function readChunked(octets: Octets): Content {
  const pieces: Buffer[] = [];
  for (;;) {
    const match = chunkLine.exec(octets.line());
    if (!match) refuse('a chunk line that is none');
    const size = BigInt(`0x${match[1]}`);
    if (size > BigInt(Number.MAX_SAFE_INTEGER)) refuse('a chunk size that is too large');
    if (size === 0n) return { body: Buffer.concat(pieces), trailers: readTrailers(octets) };
    pieces.push(octets.take(Number(size)));
    const end = octets.take(2);
    if (end[0] !== 0x0d || end[1] !== 0x0a) refuse('chunk data is not followed by CRLF');
  }
}

/** RFC 9110 §6.5.1: what is needed for framing or routing must not come in a trailer; a recipient that merged it would see another message. */
function readTrailers(octets: Octets): Field[] {
  const trailers = readFields(octets);
  for (const name of ['content-length', 'transfer-encoding', 'host', 'connection'])
    if (valuesOf(trailers, name).length > 0) refuse(`${name} in a trailer`);
  return trailers;
}
