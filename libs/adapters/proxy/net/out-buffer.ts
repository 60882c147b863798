import type { FieldSink } from '../exchange.js';
import type { Outlet } from './wire.js';

/** One read of the wire with a head before it, so that it seldom has to grow. */
const initialBytes = 144 * 1024;
/** A copy shorter than this is faster byte by byte than through Node's own routine. */
const loopBytesMax = 32;
/** The same for text, which may have to be flattened first. */
const loopCharsMax = 12;
/** Longer messages wait for nobody. */
const waitingBytesMax = 16 * 1024;
/** So many messages wait for each other at most. */
const waitingMax = 64;
/** Up to here a number is divided as an integer. */
const integerMax = 0x7fffffff;

/** OutBuffer is where a head, and the first bytes of its body, are put together for one write. One serves a whole engine. */
export class OutBuffer implements FieldSink {
  bytes: Buffer = Buffer.allocUnsafeSlow(initialBytes);
  length = 0;
  /** Where what is being put together begins: before it lies what waits for the end of the turn. */
  begun = 0;
  /** Where each waiting message goes, and where it ends. */
  readonly #outlets: Outlet[] = [];
  readonly #ends: number[] = [];

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

  /** prepared appends bytes that were made before. */
  prepared(bytes: Buffer): void {
    this.copy(bytes, 0, bytes.length);
  }

  /** text appends latin1. */
  text(text: string): void {
    const { length } = text;
    if (length === 0) return;
    this.#reserve(length);
    if (length <= loopCharsMax) {
      const { bytes } = this;
      let to = this.length;
      for (let i = 0; i < length; i++) bytes[to++] = text.charCodeAt(i);
    } else this.bytes.write(text, this.length, length, 'latin1');
    this.length += length;
  }

  /** number appends decimal digits. @param value a whole number, not negative */
  number(value: number): void {
    if (value > integerMax) return void this.text(String(value));
    let count = 1;
    for (let bound = 10; value >= bound; bound *= 10) count++;
    this.#reserve(count);
    const { bytes, length } = this;
    let rest = value | 0;
    for (let at = length + count - 1; at >= length; at--) {
      bytes[at] = 0x30 + (rest % 10);
      rest = (rest / 10) | 0;
    }
    this.length = length + count;
  }

  /** bits @see FieldSink.bits */
  bits(value: number, digits: Uint8Array, count: number): void {
    this.#reserve(count);
    const { bytes, length } = this;
    const last = digits.length - 1;
    const width = 31 - Math.clz32(digits.length);
    let rest = value;
    for (let at = length + count - 1; at >= length; at--) {
      bytes[at] = digits[rest & last] as number;
      rest >>>= width;
    }
    this.length = length + count;
  }

  /**
   * writeTo sends what was put together, after what is to be sent anyway. @returns false when the other side wants a pause; a write of many bytes says so even if the kernel took all of them at once, and to stop
   * reading for that would cost more than the bytes
   */
  writeTo(outlet: Outlet): boolean {
    this.flush();
    if (this.length === 0) return true;
    const goesOn = outlet.write(this.bytes.subarray(0, this.length));
    this.length = 0;
    if (outlet.writableLength === 0) return true;
    // What was not taken by the kernel is still read from this memory.
    this.bytes = Buffer.allocUnsafeSlow(initialBytes);
    return goesOn;
  }

  /**
   * sendTo sends it together with what others have to send in this turn of the event loop: writes that follow each other find the kernel's code and data warm, and need not wake the other side
   * each time. Only for what nobody waits for: whether it wants a pause shows with the next write.
   */
  sendTo(outlet: Outlet): void {
    const { begun, length } = this;
    if (length - begun > waitingBytesMax) return void this.writeTo(outlet);
    if (length === begun) return;
    if (this.#outlets.length === 0) setImmediate(() => this.flush());
    this.#outlets.push(outlet);
    this.#ends.push(length);
    this.begun = length;
    if (this.#outlets.length >= waitingMax) this.flush();
  }

  /** flush sends what waits for the end of the turn, now. */
  flush(): void {
    if (this.begun === 0) return;
    const { bytes } = this;
    const outlets = this.#outlets;
    let start = 0;
    let isRead = false;
    for (let i = 0; i < outlets.length; i++) {
      const outlet = outlets[i] as Outlet;
      const end = this.#ends[i] as number;
      // One that was destroyed meanwhile takes nothing.
      outlet.write(bytes.subarray(start, end));
      isRead ||= outlet.writableLength > 0;
      start = end;
    }
    outlets.length = 0;
    this.#ends.length = 0;
    const rest = this.length - start;
    // As in writeTo.
    if (isRead) this.bytes = Buffer.allocUnsafeSlow(Math.max(initialBytes, rest));
    // What is being put together goes to the beginning.
    if (rest > 0) bytes.copy(this.bytes, 0, start, this.length);
    this.length = rest;
    this.begun = 0;
  }

  /** drop forgets what was put together and not sent yet. */
  drop(): void {
    this.length = this.begun;
  }

  #reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + count));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
