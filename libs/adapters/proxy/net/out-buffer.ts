import type { Writable } from 'node:stream';

/** One read of the wire with a head before it, so that it seldom has to grow. */
const initialBytes = 80 * 1024;
/** A copy shorter than this is faster byte by byte than through Node's own routine. */
const loopBytesMax = 32;

/** OutBuffer is where a head, and the first bytes of its body, are put together for one write. One serves a whole engine. */
export class OutBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(initialBytes);
  length = 0;

  /** copy appends a range of another buffer. */
  copy(source: Buffer, start: number, end: number): void {
    const count = end - start;
    this.#reserve(count);
    const { bytes } = this;
    if (count <= loopBytesMax) {
      let to = this.length;
      for (let i = start; i < end; i++) bytes[to++] = source[i] as number;
    } else source.copy(bytes, this.length, start, end);
    this.length += count;
  }

  /** text appends latin1. */
  text(text: string): void {
    this.#reserve(text.length);
    this.length += this.bytes.write(text, this.length, 'latin1');
  }

  /** writeTo sends what was put together. @returns false when the socket wants a pause */
  writeTo(socket: Writable): boolean {
    if (this.length === 0) return true;
    const goesOn = socket.write(this.bytes.subarray(0, this.length));
    this.length = 0;
    // What was not taken by the kernel is still read from this memory.
    if (socket.writableLength > 0) this.bytes = Buffer.allocUnsafeSlow(initialBytes);
    return goesOn;
  }

  #reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + count));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
