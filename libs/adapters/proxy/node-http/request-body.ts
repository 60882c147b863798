import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** hasBody tells whether a request carries content (RFC 9112 §6.3). */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined ||
  (headers['content-length'] !== undefined && Number(headers['content-length']) !== 0);

export interface RequestBodyEvents {
  /** Before the first byte is asked for: the moment for `100 Continue`. */
  readonly onFirstRead: () => void;
  readonly onBytes: (count: number) => void;
}

/**
 * RequestBody is the client's body as the upstream client reads it. It stands between the two because undici destroys the body of a failed
 * request, and destroying an IncomingMessage takes the connection with it on which we still have to answer.
 * Nothing is read before the upstream wants it, so a failed dial costs no byte and may be repeated.
 */
export class RequestBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #events: RequestBodyEvents;
  #attached = false;

  constructor(request: IncomingMessage, events: RequestBodyEvents) {
    super({ highWaterMark: 64 * 1024 });
    this.#request = request;
    this.#events = events;
  }

  override _read(): void {
    if (!this.#attached) this.#attach();
    this.#request.resume();
  }

  #attach(): void {
    this.#attached = true;
    this.#events.onFirstRead();
    this.#request.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#events.onBytes(chunk.length);
    if (this.destroyed) return;
    if (!this.push(chunk)) this.#request.pause();
  };
  readonly #onEnd = (): void => void this.push(null);
  readonly #onError = (error: Error): void => void this.destroy(error);

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#request.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError);
    callback(error);
  }
}

/** How long a client may go on sending a body that nobody wants before its connection is dropped. */
const discardMs = 1_000;

/** discardUnread reads away the rest of a body whose answer is already there, so that the connection can go on, or drops it when there is too much. */
export function discardUnread(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), discardMs);
  const stop = (): void => clearTimeout(timer);
  request.once('end', stop).once('close', stop);
}
