import { equalsLower, lowerBytes } from './bytes.js';

/** More fields than any honest sender makes; each costs us and the other side work. */
export const fieldsMax = 100;
/** Bytes of a whole head, the same as Node's own default. */
export const headBytesMax = 16 * 1024;
/** Bytes of a request line (RFC 9112 §3 asks for at least 8000). */
export const requestLineBytesMax = 8 * 1024;

/** What a field means to the connection; `plain` means nothing and may pass. */
export const fieldKinds = {
  plain: 0,
  /** Hop-by-hop, dropped without being read: keep-alive, proxy-*, te. */
  hop: 1,
  host: 2,
  contentLength: 3,
  transferEncoding: 4,
  connection: 5,
  expect: 6,
  upgrade: 7,
  trailer: 8,
  via: 9,
  date: 10,
} as const;

const numbersPerField = 4;

/**
 * MessageHead holds where the parts of one head lie in a buffer, and what its framing says. The parser fills it; it is used again for the next
 * message, so nothing of it may be kept.
 */
export class MessageHead {
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  #isKept = false;
  /** After the empty line. */
  end = 0;
  httpMinor: 0 | 1 = 1;

  methodStart = 0;
  methodEnd = 0;
  /** Of an absolute-form target the part after the authority; empty (start = end) for `/`. */
  targetStart = 0;
  targetEnd = 0;
  /** Set for an absolute-form target: its authority. */
  authorityStart = 0;
  authorityEnd = 0;

  status = 0;
  reasonStart = 0;
  reasonEnd = 0;

  count = 0;
  /** Which lengths of names there are, modulo 32: most fields that are asked for are not there. */
  lengths = 0;
  /** Name start, name end, value start, value end of each field. */
  readonly offsets = new Int32Array(fieldsMax * numbersPerField);
  readonly kinds = new Uint8Array(fieldsMax);

  /** -1 when there is no Content-Length. */
  contentLength = -1;
  chunked = false;
  /** Index of the field, or -1. */
  host = -1;
  upgrade = -1;
  expectsContinue = false;
  /** Options of `Connection`. */
  close = false;
  keepAlive = false;
  switches = false;
  /** Ranges of other options: names of fields that are hop-by-hop here. */
  readonly nominated: number[] = [];

  reset(bytes: Buffer, start: number): void {
    this.bytes = bytes;
    this.start = start;
    this.#isKept = false;
    this.count = 0;
    this.lengths = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.host = -1;
    this.upgrade = -1;
    this.expectsContinue = false;
    this.close = false;
    this.keepAlive = false;
    this.switches = false;
    this.authorityStart = 0;
    this.authorityEnd = 0;
    if (this.nominated.length > 0) this.nominated.length = 0;
  }

  /** keep copies the head out of memory that is used again. */
  keep(): void {
    if (this.#isKept) return;
    this.#isKept = true;
    const { start, offsets, nominated } = this;
    this.bytes = Buffer.from(this.bytes.subarray(start, this.end));
    this.start = 0;
    this.end -= start;
    this.methodStart -= start;
    this.methodEnd -= start;
    this.targetStart -= start;
    this.targetEnd -= start;
    this.authorityStart -= start;
    this.authorityEnd -= start;
    for (let i = 0; i < this.count * numbersPerField; i++) offsets[i] = (offsets[i] as number) - start;
    for (let i = 0; i < nominated.length; i++) nominated[i] = (nominated[i] as number) - start;
  }

  nameStart(index: number): number {
    return this.offsets[index * numbersPerField] as number;
  }
  nameEnd(index: number): number {
    return this.offsets[index * numbersPerField + 1] as number;
  }
  valueStart(index: number): number {
    return this.offsets[index * numbersPerField + 2] as number;
  }
  valueEnd(index: number): number {
    return this.offsets[index * numbersPerField + 3] as number;
  }

  /** text reads a range as latin1. */
  text(start: number, end: number): string {
    return this.bytes.toString('latin1', start, end);
  }

  value(index: number): string {
    return this.text(this.valueStart(index), this.valueEnd(index));
  }

  /** field gives a field's value, of repeated ones the list (RFC 9110 §5.3). @param lowerName in lower case */
  field(lowerName: string): string | undefined {
    if ((this.lengths & (1 << lowerName.length)) === 0) return undefined;
    const name = namesInUse.get(lowerName) ?? prepare(lowerName);
    let found: string | undefined;
    for (let i = 0; i < this.count; i++) {
      if (!equalsLower(this.bytes, this.nameStart(i), this.nameEnd(i), name)) continue;
      const value = this.value(i);
      if (found === undefined) found = value;
      else found += (lowerName === 'cookie' ? '; ' : ', ') + value;
    }
    return found;
  }

  /** isNominated tells whether `Connection` names a field as hop-by-hop. */
  isNominated(index: number): boolean {
    const { nominated, bytes } = this;
    const start = this.nameStart(index);
    const length = this.nameEnd(index) - start;
    for (let i = 0; i < nominated.length; i += 2) {
      const from = nominated[i] as number;
      if ((nominated[i + 1] as number) - from !== length) continue;
      let at = 0;
      while (at < length && ((bytes[start + at] as number) | 0x20) === ((bytes[from + at] as number) | 0x20)) at++;
      if (at === length) return true;
    }
    return false;
  }
}

/** Names that the code asks for, prepared once each; they come from source code, never from a request. */
const namesInUse = new Map<string, Uint8Array>();
function prepare(lowerName: string): Uint8Array {
  const bytes = lowerBytes(lowerName);
  namesInUse.set(lowerName, bytes);
  return bytes;
}
