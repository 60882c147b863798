import { Incomplete, refuse } from './reading.js';

/** Octets is a cursor over the bytes of a connection. It knows lines and counts, nothing of HTTP. */
export class Octets {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /**
   * line takes everything up to the next CRLF, which it swallows (RFC 9112 §2.2).
   * A gateway forwards to recipients that may take a bare LF for the end of a line and a bare CR for anything: both are refused, although §2.2
   * lets a lonely server accept the former.
   */
  line(): string {
    const lf = this.#bytes.indexOf(0x0a, this.#at);
    if (lf < 0) throw new Incomplete();
    const line = this.#bytes.toString('latin1', this.#at, lf);
    this.#at = lf + 1;
    if (!line.endsWith('\r')) refuse('a line ends in LF without CR');
    if (line.slice(0, -1).includes('\r')) refuse('CR without LF');
    return line.slice(0, -1);
  }

  /** take gives exactly `count` octets. */
  take(count: number): Buffer {
    if (this.#bytes.length - this.#at < count) throw new Incomplete();
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** skipEmptyLines drops the CRLFs before a request line (RFC 9112 §2.2: at least one is to be ignored). */
  skipEmptyLines(): void {
    while (this.#bytes[this.#at] === 0x0d && this.#bytes[this.#at + 1] === 0x0a) this.#at += 2;
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  all(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }
}
