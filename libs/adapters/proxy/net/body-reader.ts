import { badChunk, ChunkedDecoder } from './chunked-decoder.js';

type Framing = 'none' | 'length' | 'chunked' | 'close';

/** BodyReader takes one message's content out of a connection's bytes, whatever its framing (RFC 9112 §6.3). */
export class BodyReader {
  framing: Framing = 'none';
  /** Where the content of the last `feed` lies in its buffer. */
  dataStart = 0;
  dataEnd = 0;
  done = true;
  #left = 0;
  #chunks: ChunkedDecoder | undefined;

  none(): void {
    this.framing = 'none';
    this.done = true;
  }

  length(bytes: number): void {
    this.framing = 'length';
    this.#left = bytes;
    this.done = bytes === 0;
  }

  chunked(): void {
    this.framing = 'chunked';
    this.#chunks = new ChunkedDecoder();
    this.done = false;
  }

  untilClose(): void {
    this.framing = 'close';
    this.done = false;
  }

  /** Trailer fields as field lines, once a chunked body is done. */
  get trailers(): string {
    return this.framing === 'chunked' ? (this.#chunks?.trailers ?? '') : '';
  }

  /** feed reads on. @returns the offset after what belongs to the body, or `badChunk` */
  feed(bytes: Buffer, from: number, to: number): number {
    if (this.framing === 'chunked') return this.#feedChunks(bytes, from, to);
    const end = this.framing === 'length' ? Math.min(to, from + this.#left) : to;
    this.dataStart = from;
    this.dataEnd = end;
    if (this.framing === 'length') {
      this.#left -= end - from;
      this.done = this.#left === 0;
    }
    return end;
  }

  #feedChunks(bytes: Buffer, from: number, to: number): number {
    const chunks = this.#chunks as ChunkedDecoder;
    const end = chunks.feed(bytes, from, to);
    if (end === badChunk) return badChunk;
    this.dataStart = chunks.dataStart;
    this.dataEnd = chunks.dataEnd;
    this.done = chunks.done;
    return end;
  }
}
