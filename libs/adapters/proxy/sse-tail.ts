import { type RawHeaders, valuesOf } from './headers.js';

const lineFeed = 10;
const carriageReturn = 13;

/**
 * EventStreamTail knows whether an event stream stands between two events. Only there may we add a `retry:` line: in the middle of one, the
 * blank line after it would hand half an event to the client; a plain end makes the client throw that half away (HTML Living Standard §9.2.6).
 */
export class EventStreamTail {
  #last = Buffer.from('\n\n');

  /** of gives a tail for an uncompressed event stream of open length, else undefined. */
  static of(raw: RawHeaders): EventStreamTail | undefined {
    if (valuesOf(raw, 'content-length').length > 0) return undefined;
    return EventStreamTail.ofText(valuesOf(raw, 'content-type')[0], valuesOf(raw, 'content-encoding')[0]);
  }

  /** The same for content of open length. */
  static ofText(type: string | undefined, encoding: string | undefined): EventStreamTail | undefined {
    if (type === undefined || encoding !== undefined) return undefined;
    return /^text\/event-stream\b/i.test(type) ? new EventStreamTail() : undefined;
  }

  see(chunk: Buffer): void {
    this.#last = chunk.length >= 4 ? Buffer.from(chunk.subarray(-4)) : Buffer.concat([this.#last, chunk]).subarray(-4);
  }

  /** goodbye is what to end the stream with: come back in a second, or nothing. */
  goodbye(): string {
    const ends = [...this.#last].filter((byte) => byte !== carriageReturn).slice(-2);
    return ends.length === 2 && ends.every((byte) => byte === lineFeed) ? 'retry: 1000\n\n' : '';
  }
}
