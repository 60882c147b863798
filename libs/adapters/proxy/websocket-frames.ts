/** RFC 6455 §7.4.1. */
export type CloseCode = 1001 | 1008;

/**
 * FrameBoundary follows a stream of WebSocket frames by their lengths only (RFC 6455 §5.2), to know when a frame of our own fits in between.
 */
export class FrameBoundary {
  #header: number[] = [];
  #payloadLeft = 0;

  /** True between two frames. */
  get clean(): boolean {
    return this.#header.length === 0 && this.#payloadLeft === 0;
  }

  see(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const step = Math.min(this.#payloadLeft, chunk.length - at);
        this.#payloadLeft -= step;
        at += step;
        continue;
      }
      this.#header.push(chunk[at++] as number);
      this.#readHeader();
    }
  }

  #readHeader(): void {
    const [, second] = this.#header;
    if (second === undefined) return;
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const maskBytes = second & 0x80 ? 4 : 0;
    if (this.#header.length < 2 + lengthBytes + maskBytes) return;
    let length = short;
    if (lengthBytes > 0) length = this.#header.slice(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
    this.#header = [];
    this.#payloadLeft = length;
  }
}

/** closeFrame is an unmasked close frame, as a server sends it. */
export const closeFrame = (code: CloseCode): Buffer => Buffer.from([0x88, 0x02, code >> 8, code & 0xff]);
