import { cr, hexValue, lf, semicolon } from './bytes.js';
import { ChunkExtension } from './chunk-extension.js';
import { fieldKinds, headBytesMax, MessageHead } from './message-head.js';
import { incomplete, parseFields } from './parse-head.js';

/** Thirteen hexadecimal digits are less than 2^53, so the number is exact. */
const sizeDigitsMax = 13;
/** Bytes of extensions in one body; they are read for their form, and dropped (RFC 9112 §7.1.1). */
const extensionBytesMax = 1_024;

const inSize = 0;
const inExtension = 1;
const inSizeEnd = 2;
const inData = 3;
const inDataCr = 4;
const inDataLf = 5;
const inTrailers = 6;
const ended = 7;

/** Fault of `feed`: the bytes are not a chunked body. */
export const badChunk = -1;

/** Read at once, so that one serves all. */
const trailerHead = new MessageHead();

/**
 * ChunkedDecoder takes the framing off a chunked body (RFC 9112 §7.1), strictly: no space around a size, CRLF everywhere. Data of several chunks is moved together inside the buffer that was given, so that small chunks leave as one.
 */
export class ChunkedDecoder {
  /** Where the data of the last `feed` lies in its buffer. */
  dataStart = 0;
  dataEnd = 0;
  /** Trailer fields that may pass (RFC 9110 §6.5.1), as field lines; after the end. */
  trailers = '';
  #state = inSize;
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  #extension: ChunkExtension | undefined;
  #partialTrailers: Buffer | undefined;

  get done(): boolean {
    return this.#state === ended;
  }

  /** feed reads on. @returns the offset after what belongs to the body, or `badChunk` */
  feed(bytes: Buffer, from: number, to: number): number {
    this.dataStart = from;
    this.dataEnd = from;
    let at = from;
    while (at < to) {
      if (this.#state === inData) {
        at = this.#takeData(bytes, at, to);
        continue;
      }
      if (this.#state === inTrailers) return this.#takeTrailers(bytes, at, to);
      if (!this.#takeByte(bytes[at++] as number)) return badChunk;
    }
    return at;
  }

  #takeData(bytes: Buffer, from: number, to: number): number {
    const end = Math.min(to, from + this.#left);
    if (this.dataEnd === this.dataStart) {
      this.dataStart = from;
      this.dataEnd = end;
    } else {
      bytes.copyWithin(this.dataEnd, from, end);
      this.dataEnd += end - from;
    }
    this.#left -= end - from;
    if (this.#left === 0) this.#state = inDataCr;
    return end;
  }

  #takeByte(byte: number): boolean {
    switch (this.#state) {
      case inSize:
        return this.#takeSize(byte);
      case inExtension:
        return this.#takeExtension(byte);
      case inSizeEnd:
        if (byte !== lf) return false;
        this.#state = this.#left === 0 ? inTrailers : inData;
        return true;
      case inDataCr:
        this.#state = inDataLf;
        return byte === cr;
      default:
        this.#state = inSize;
        this.#digits = 0;
        return byte === lf;
    }
  }

  #takeSize(byte: number): boolean {
    const digit = hexValue[byte] as number;
    if (digit >= 0) {
      if (++this.#digits > sizeDigitsMax) return false;
      this.#left = this.#left * 16 + digit;
      return true;
    }
    if (this.#digits === 0) return false;
    if (byte === cr) this.#state = inSizeEnd;
    else if (byte === semicolon) {
      this.#state = inExtension;
      this.#extension ??= new ChunkExtension();
      this.#extension.begin();
    } else return false;
    return true;
  }

  #takeExtension(byte: number): boolean {
    const extension = this.#extension as ChunkExtension;
    if (byte === cr) {
      this.#state = inSizeEnd;
      return extension.mayEnd;
    }
    return extension.take(byte) && ++this.#extensionBytes <= extensionBytesMax;
  }

  #takeTrailers(bytes: Buffer, from: number, to: number): number {
    const held = this.#partialTrailers?.length ?? 0;
    const whole = held > 0 ? Buffer.concat([this.#partialTrailers as Buffer, bytes.subarray(from, to)]) : bytes;
    const start = held > 0 ? 0 : from;
    trailerHead.reset(whole, start);
    const end = parseFields(whole, start, held > 0 ? whole.length : to, trailerHead);
    if (end < 0 || end - start > headBytesMax) return badChunk;
    if (end > 0 && framesOrRoutes()) return badChunk;
    if (end === incomplete) {
      if (held + to - from > headBytesMax) return badChunk;
      this.#partialTrailers = held > 0 ? whole : Buffer.from(bytes.subarray(from, to));
      return to;
    }
    this.#state = ended;
    this.trailers = passingTrailers();
    return held > 0 ? from + end - held : end;
  }
}

/** Fields that say how a message is framed, routed or authorised must not come late. */
const neverTrailers = /^(?:authorization|cache-control|content-.*|cookie|max-forwards|set-cookie|www-authenticate)$/i;

/** A reader that merges trailers into the head would frame, route or end the message anew (RFC 9110 §6.5.1): llhttp obeys a late `Connection: close`. */
function framesOrRoutes(): boolean {
  for (let i = 0; i < trailerHead.count; i++) {
    const kind = trailerHead.kinds[i];
    if (kind === fieldKinds.host || kind === fieldKinds.contentLength) return true;
    if (kind === fieldKinds.transferEncoding || kind === fieldKinds.connection) return true;
  }
  return false;
}

function passingTrailers(): string {
  let lines = '';
  for (let i = 0; i < trailerHead.count; i++) {
    if (trailerHead.kinds[i] !== fieldKinds.plain || trailerHead.isNominated(i)) continue;
    const name = trailerHead.text(trailerHead.nameStart(i), trailerHead.nameEnd(i));
    if (!neverTrailers.test(name)) lines += `${name}: ${trailerHead.value(i)}\r\n`;
  }
  return lines;
}
