import {
  authorityBytes,
  colon,
  comma,
  cr,
  equalsLower,
  lf,
  lowerBytes,
  space,
  tab,
  targetBytes,
  tokenBytes,
  valueBytes,
} from './bytes.js';
import { classify } from './field-kinds.js';
import { fieldKinds, fieldsMax, headBytesMax, type MessageHead, requestLineBytesMax } from './message-head.js';

/**
 * This parser reads heads of HTTP/1.1 messages (RFC 9112 §2–§6) from a range of bytes, strictly and without any I/O. Where the RFC lets a recipient be
 * lenient it is not: what two readers could understand differently is refused.
 *
 * Each function gives the offset after what it read; 0 (`incomplete`) when the range ends too early, the caller then asks again with more bytes; or a
 * negative number, whose positive is an index in `headFaults`.
 */
export const incomplete = 0;

export const headFaults = [
  '',
  'the request line is malformed',
  'the HTTP version is not spoken here',
  'the request target is malformed',
  'a field line is malformed',
  'a field value holds a byte that is not allowed',
  'a line does not end in CRLF',
  'there are too many header fields',
  'the head is too large',
  'the request line is too long',
  'Host must be given once, as host or host:port',
  'Content-Length must be given once, as a number',
  'Transfer-Encoding must be given once, as exactly "chunked"',
  'Transfer-Encoding and Content-Length exclude each other',
  'HTTP/1.0 has no Transfer-Encoding',
  'Connection must be a list of tokens',
  'only "Expect: 100-continue" is known',
  'the authority of the request target is not that of Host',
  'CONNECT is not served',
  'the status line is malformed',
  'a request that switches protocols has no body',
] as const;

export const faultOf = {
  requestLine: -1,
  version: -2,
  target: -3,
  fieldLine: -4,
  fieldValue: -5,
  lineEnd: -6,
  tooManyFields: -7,
  headTooLarge: -8,
  lineTooLong: -9,
  host: -10,
  contentLength: -11,
  transferEncoding: -12,
  bothLengths: -13,
  encodingOnOld: -14,
  connection: -15,
  expect: -16,
  authority: -17,
  connect: -18,
  statusLine: -19,
  bodyOnUpgrade: -20,
} as const;

/** parseRequestHead reads from the first byte of a request to the end of its empty line; one empty line before it is skipped (RFC 9112 §2.2). */
export function parseRequestHead(bytes: Buffer, from: number, to: number, head: MessageHead): number {
  head.reset(bytes, from);
  let at = from;
  if (at < to && bytes[at] === cr) {
    if (at + 1 >= to) return incomplete;
    if (bytes[at + 1] !== lf) return faultOf.lineEnd;
    at += 2;
  }
  at = parseRequestLine(bytes, at, to, head);
  if (at === incomplete) return to - from > requestLineBytesMax ? faultOf.lineTooLong : incomplete;
  if (at > 0) at = parseFields(bytes, at, to, head);
  if (at < 0) return at;
  if (at === incomplete) return to - from > headBytesMax ? faultOf.headTooLarge : incomplete;
  if (at - from > headBytesMax) return faultOf.headTooLarge;
  head.end = at;
  const fault = checkRequest(bytes, head);
  return fault === 0 ? at : fault;
}

/** parseResponseHead reads a status line and its fields. Content that no message of that status has is for the caller to know. */
export function parseResponseHead(bytes: Buffer, from: number, to: number, head: MessageHead): number {
  head.reset(bytes, from);
  let at = parseStatusLine(bytes, from, to, head);
  if (at > 0) at = parseFields(bytes, at, to, head);
  if (at < 0) return at;
  if (at === incomplete) return to - from > headBytesMax ? faultOf.headTooLarge : incomplete;
  if (at - from > headBytesMax) return faultOf.headTooLarge;
  head.end = at;
  // Forbidden likewise (RFC 9110 §8.6), and llhttp would wait for the bytes.
  if (head.status < 200 && head.contentLength > 0) return faultOf.contentLength;
  if (!head.chunked) return at;
  if (head.contentLength >= 0) return faultOf.bothLengths;
  // RFC 9112 §6.1 forbids it on 1xx and 204, and llhttp would wait for the chunks of some.
  if (head.status < 200 || head.status === 204) return faultOf.transferEncoding;
  return head.httpMinor === 0 ? faultOf.encodingOnOld : at;
}

/** method SP request-target SP HTTP-version CRLF (RFC 9112 §3) */
function parseRequestLine(bytes: Uint8Array, from: number, to: number, head: MessageHead): number {
  let at = from;
  while (at < to && tokenBytes[bytes[at] as number] === 1) at++;
  if (at >= to) return incomplete;
  if (at === from || bytes[at] !== space) return faultOf.requestLine;
  head.methodStart = from;
  head.methodEnd = at++;
  const targetStart = at;
  while (at < to && targetBytes[bytes[at] as number] === 1) at++;
  if (at - from > requestLineBytesMax) return faultOf.lineTooLong;
  if (at >= to) return incomplete;
  if (at === targetStart || bytes[at] !== space) return faultOf.target;
  head.targetStart = targetStart;
  head.targetEnd = at;
  const end = parseVersion(bytes, at + 1, to, head);
  if (end <= 0) return end;
  if (end >= to) return incomplete;
  if (bytes[end] !== cr) return faultOf.version;
  if (end + 1 >= to) return incomplete;
  return bytes[end + 1] === lf ? end + 2 : faultOf.lineEnd;
}

const version = Uint8Array.from(Buffer.from('HTTP/1.'));

function parseVersion(bytes: Uint8Array, from: number, to: number, head: MessageHead): number {
  for (let i = 0; i < version.length; i++) {
    if (from + i >= to) return incomplete;
    if (bytes[from + i] !== version[i]) return faultOf.version;
  }
  const at = from + version.length;
  if (at >= to) return incomplete;
  const minor = (bytes[at] as number) - 0x30;
  if (minor !== 0 && minor !== 1) return faultOf.version;
  head.httpMinor = minor;
  return at + 1;
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** HTTP-version SP status-code SP [reason-phrase] CRLF (RFC 9112 §4); the second space may be missing with the phrase. */
function parseStatusLine(bytes: Uint8Array, from: number, to: number, head: MessageHead): number {
  let at = parseVersion(bytes, from, to, head);
  if (at < 0) return faultOf.statusLine;
  if (at === incomplete || at + 4 >= to) return incomplete;
  const digits = isDigit(bytes[at + 1]) && isDigit(bytes[at + 2]) && isDigit(bytes[at + 3]);
  if (bytes[at] !== space || !digits) return faultOf.statusLine;
  head.status =
    (bytes[at + 1] as number) * 100 + (bytes[at + 2] as number) * 10 + (bytes[at + 3] as number) - 0x30 * 111;
  if (head.status < 100 || head.status > 599) return faultOf.statusLine;
  at += 4;
  if (bytes[at] === space) at++;
  else if (bytes[at] !== cr) return faultOf.statusLine;
  head.reasonStart = at;
  while (at < to && valueBytes[bytes[at] as number] === 1) at++;
  head.reasonEnd = at;
  if (at + 1 >= to) return at < to && bytes[at] !== cr ? faultOf.statusLine : incomplete;
  return bytes[at] === cr && bytes[at + 1] === lf ? at + 2 : faultOf.statusLine;
}

/**
 * parseFields reads field lines (RFC 9112 §5) and the empty line after them: no space before the colon, no folding, no bare CR or LF. Trailers have the
 * same form.
 */
export function parseFields(bytes: Uint8Array, from: number, to: number, head: MessageHead): number {
  let at = from;
  while (at < to) {
    if (bytes[at] === cr) {
      if (at + 1 >= to) return incomplete;
      return bytes[at + 1] === lf ? at + 2 : faultOf.lineEnd;
    }
    const nameStart = at;
    while (at < to && tokenBytes[bytes[at] as number] === 1) at++;
    if (at >= to) return incomplete;
    if (at === nameStart || bytes[at] !== colon) return faultOf.fieldLine;
    const nameEnd = at++;
    while (at < to && (bytes[at] === space || bytes[at] === tab)) at++;
    const valueStart = at;
    while (at < to && valueBytes[bytes[at] as number] === 1) at++;
    if (at >= to) return incomplete;
    if (bytes[at] !== cr) return faultOf.fieldValue;
    if (at + 1 >= to) return incomplete;
    if (bytes[at + 1] !== lf) return faultOf.lineEnd;
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === space || bytes[valueEnd - 1] === tab)) valueEnd--;
    at += 2;
    if (head.count === fieldsMax) return faultOf.tooManyFields;
    const fault = addField(head, nameStart, nameEnd, valueStart, valueEnd);
    if (fault !== 0) return fault;
  }
  return incomplete;
}

function addField(head: MessageHead, nameStart: number, nameEnd: number, start: number, end: number): number {
  const index = head.count++;
  const { offsets, bytes } = head;
  const at = index * 4;
  offsets[at] = nameStart;
  offsets[at + 1] = nameEnd;
  offsets[at + 2] = start;
  offsets[at + 3] = end;
  head.lengths |= 1 << (nameEnd - nameStart);
  const kind = classify(bytes, nameStart, nameEnd);
  head.kinds[index] = kind;
  switch (kind) {
    case fieldKinds.plain:
    case fieldKinds.hop:
      return 0;
    case fieldKinds.host:
      if (head.host >= 0 || !isAuthority(bytes, start, end)) return faultOf.host;
      head.host = index;
      return 0;
    case fieldKinds.contentLength:
      return readLength(head, start, end);
    case fieldKinds.transferEncoding:
      if (head.chunked || !isChunked(bytes, start, end)) return faultOf.transferEncoding;
      head.chunked = true;
      return 0;
    case fieldKinds.connection:
      return readConnection(head, start, end);
    case fieldKinds.expect:
      if (head.expectsContinue || !equalsLower(bytes, start, end, continueName)) return faultOf.expect;
      head.expectsContinue = true;
      return 0;
    case fieldKinds.upgrade:
      head.upgrade = index;
      return 0;
    default:
      return 0;
  }
}

/** Spaces may follow, a tab may not: llhttp takes `chunked` and a tab for another coding, and the body for one that ends with the connection. */
function isChunked(bytes: Uint8Array, start: number, end: number): boolean {
  if (!equalsLower(bytes, start, end, chunkedName)) return false;
  let at = end;
  while (bytes[at] === space) at++;
  return bytes[at] === cr;
}

const chunkedName = lowerBytes('chunked');
const continueName = lowerBytes('100-continue');
const closeName = lowerBytes('close');
const keepAliveName = lowerBytes('keep-alive');
const upgradeName = lowerBytes('upgrade');
const hostName = lowerBytes('host');
const contentLengthName = lowerBytes('content-length');

/** Fifteen digits are less than 2^53, so the number is exact. */
const lengthDigitsMax = 15;

function readLength(head: MessageHead, start: number, end: number): number {
  if (head.contentLength >= 0 || start === end || end - start > lengthDigitsMax) return faultOf.contentLength;
  let length = 0;
  for (let i = start; i < end; i++) {
    const digit = (head.bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9) return faultOf.contentLength;
    length = length * 10 + digit;
  }
  head.contentLength = length;
  return 0;
}

/** Connection = #connection-option (RFC 9110 §7.6.1). A sender may not declare Host or Content-Length hop-by-hop: the message would lose its target or its length. */
function readConnection(head: MessageHead, start: number, end: number): number {
  const { bytes } = head;
  let at = start;
  while (at < end) {
    while (at < end && (bytes[at] === comma || bytes[at] === space || bytes[at] === tab)) at++;
    const from = at;
    while (at < end && tokenBytes[bytes[at] as number] === 1) at++;
    if (at > from) noteOption(head, from, at);
    while (at < end && (bytes[at] === space || bytes[at] === tab)) at++;
    if (at < end && bytes[at] !== comma) return faultOf.connection;
  }
  return 0;
}

function noteOption(head: MessageHead, from: number, to: number): void {
  const { bytes } = head;
  if (equalsLower(bytes, from, to, closeName)) head.close = true;
  else if (equalsLower(bytes, from, to, keepAliveName)) head.keepAlive = true;
  else if (equalsLower(bytes, from, to, upgradeName)) head.switches = true;
  else if (!equalsLower(bytes, from, to, hostName) && !equalsLower(bytes, from, to, contentLengthName))
    head.nominated.push(from, to);
}

/** uri-host [ ":" port ] (RFC 9110 §7.2), not empty; an IPv6 address in brackets. */
function isAuthority(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  if (bytes[at] === 0x5b) {
    at++;
    const from = at;
    while (at < end && (hexOrDot(bytes[at] as number) || bytes[at] === colon)) at++;
    if (at === from || at >= end || bytes[at] !== 0x5d) return false;
    at++;
  } else {
    while (at < end && bytes[at] !== colon && isNameByte(bytes[at] as number)) at++;
    if (at === start) return false;
  }
  if (at === end) return true;
  if (bytes[at] !== colon) return false;
  const digits = end - at - 1;
  if (digits < 1 || digits > 5) return false;
  for (let i = at + 1; i < end; i++) if (!isDigit(bytes[i])) return false;
  return true;
}

const percent = 0x25;
/** Percent-encoding belongs to names that no DNS knows, and half of one is read differently everywhere. */
const isNameByte = (byte: number): boolean =>
  authorityBytes[byte] === 1 && byte !== 0x5b && byte !== 0x5d && byte !== percent;
const hexOrDot = (byte: number): boolean =>
  byte === 0x2e || isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);

const connectName = Uint8Array.from(Buffer.from('CONNECT'));
const optionsName = Uint8Array.from(Buffer.from('OPTIONS'));
const httpScheme = Uint8Array.from(Buffer.from('http://'));

const startsWith = (bytes: Uint8Array, start: number, end: number, text: Uint8Array): boolean => {
  if (end - start < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
};
const isMethod = (bytes: Uint8Array, head: MessageHead, name: Uint8Array): boolean =>
  head.methodEnd - head.methodStart === name.length && startsWith(bytes, head.methodStart, head.methodEnd, name);

/** checkRequest holds the parts of a whole head against each other (RFC 9112 §3.2, §6). */
function checkRequest(bytes: Uint8Array, head: MessageHead): number {
  if (isMethod(bytes, head, connectName)) return faultOf.connect;
  if (head.host < 0 && head.httpMinor === 1) return faultOf.host;
  if (head.chunked) {
    if (head.contentLength >= 0) return faultOf.bothLengths;
    if (head.httpMinor === 0) return faultOf.encodingOnOld;
  }
  // On HTTP/1.0 too, where the upgrade is ignored: llhttp obeys it, and takes the body for the new protocol.
  if (head.switches && head.upgrade >= 0 && (head.chunked || head.contentLength > 0)) return faultOf.bodyOnUpgrade;
  // An expectation of HTTP/1.0 is ignored (RFC 9110 §10.1.1), and so is an upgrade (§7.8).
  if (head.httpMinor === 0) {
    head.expectsContinue = false;
    head.switches = false;
  }
  return checkTarget(bytes, head);
}

/** origin-form; absolute-form with the authority of Host; asterisk-form for OPTIONS only (RFC 9112 §3.2). */
function checkTarget(bytes: Uint8Array, head: MessageHead): number {
  const { targetStart, targetEnd } = head;
  if (bytes[targetStart] === 0x2f) return 0;
  if (bytes[targetStart] === 0x2a)
    return targetEnd - targetStart === 1 && isMethod(bytes, head, optionsName) ? 0 : faultOf.target;
  if (!startsWith(bytes, targetStart, targetEnd, httpScheme)) return faultOf.target;
  const start = targetStart + httpScheme.length;
  let end = start;
  while (end < targetEnd && bytes[end] !== 0x2f) end++;
  if (!isAuthority(bytes, start, end)) return faultOf.target;
  if (head.host >= 0 && !sameText(bytes, start, end, head.valueStart(head.host), head.valueEnd(head.host)))
    return faultOf.authority;
  head.authorityStart = start;
  head.authorityEnd = end;
  head.targetStart = end;
  return 0;
}

/** Both ranges are authorities: bit 5 folds letters and nothing else that could stand in one. */
function sameText(bytes: Uint8Array, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let i = 0; i < end - start; i++) {
    const a = bytes[start + i] as number;
    const b = bytes[otherStart + i] as number;
    if (a !== b && ((a | 0x20) !== (b | 0x20) || (a | 0x20) < 0x61 || (a | 0x20) > 0x7a)) return false;
  }
  return true;
}
