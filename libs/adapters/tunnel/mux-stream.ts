import { Duplex } from 'node:stream';
import { payloadBytesMax } from './frame.js';

/** How much may be on its way to one reader that does not read. */
export const windowBytes = 256 * 1024;

/** What a stream asks of its tunnel. */
export interface StreamLink {
  /** Resolves when the carrier has taken the bytes. */
  sendData(chunk: Buffer): Promise<void>;
  sendWindow(bytes: number): void;
  sendEnd(): void;
  /** Called once, when the stream is over for this side; `reset` when the other side must be told. */
  closed(reset: boolean): void;
}

/** MuxStream is one byte stream inside a tunnel. It sends no more than the other side has granted, and grants what its reader has taken. */
export class MuxStream extends Duplex {
  readonly #link: StreamLink;
  #maySend = windowBytes;
  /** Bytes received and not granted again, because the reader is behind. */
  #owed = 0;
  #mayReceive = windowBytes;
  #reading = true;
  #wake: (() => void) | undefined;
  #sentEnd = false;
  #gotEnd = false;
  #gotReset = false;

  constructor(link: StreamLink) {
    super({ allowHalfOpen: true, readableHighWaterMark: windowBytes / 4, writableHighWaterMark: payloadBytesMax });
    this.#link = link;
  }

  /** received is for the tunnel: bytes have arrived. */
  received(chunk: Buffer): void {
    if (this.destroyed) return;
    this.#mayReceive -= chunk.length;
    if (this.#mayReceive < 0) return void this.destroy(new Error('the other side of the tunnel sent more than it may'));
    this.#owed += chunk.length;
    this.#reading = this.push(chunk);
    if (this.#reading) this.#grant();
  }

  /** granted is for the tunnel: the other side takes so many bytes more. */
  granted(bytes: number): void {
    this.#maySend += bytes;
    this.#wake?.();
  }

  /** ended is for the tunnel: the other side has sent everything. */
  ended(): void {
    this.#gotEnd = true;
    this.push(null);
  }

  /** reset is for the tunnel: the other side has given up, or the tunnel is gone. */
  reset(reason: string): void {
    this.#gotReset = true;
    this.destroy(Object.assign(new Error(reason), { code: 'ECONNRESET' }));
  }

  override _read(): void {
    this.#reading = true;
    this.#grant();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    void this.#send(chunk).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#sentEnd = true;
    this.#link.sendEnd();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#wake?.();
    this.#link.closed(!this.#gotReset && !(this.#sentEnd && this.#gotEnd));
    callback(error);
  }

  // What TLS and HTTP clients expect of a socket.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  async #send(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      while (this.#maySend === 0 && !this.destroyed)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      if (this.destroyed) return;
      const part = chunk.subarray(at, at + Math.min(this.#maySend, payloadBytesMax));
      this.#maySend -= part.length;
      at += part.length;
      await this.#link.sendData(part);
    }
  }

  #grant(): void {
    // Small grants would be a frame per read.
    if (!this.#reading || this.#owed < windowBytes / 8) return;
    const bytes = this.#owed;
    this.#owed = 0;
    this.#mayReceive += bytes;
    if (!this.destroyed) this.#link.sendWindow(bytes);
  }
}
