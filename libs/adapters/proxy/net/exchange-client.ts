import type { ClientOrigin } from '../trusted-peers.js';
import type { Wire } from './wire.js';

/** What an exchange may ask of its client's connection. */
export interface ExchangeClient {
  readonly wire: Wire;
  /** Who sent the request, or its last proxy. */
  readonly peer: ClientOrigin;
  /** The whole body of the request has come. */
  readonly bodyDone: boolean;
  readonly bodyIsChunked: boolean;
  /** A part of the body is here already, and comes at once when it is let flow. */
  readonly hasBody: boolean;
  /** Trailer fields of the request's body. */
  readonly trailers: string;
  /** Lets the body flow: the upstream is there. */
  startBody(): void;
  pause(): void;
  resume(): void;
  /** Goes on with the next request, or ends the connection. */
  exchangeDone(close: boolean): void;
  /** Hands the connection over. @returns it, and bytes that came already */
  becomeTunnel(): { readonly wire: Wire; readonly early: Buffer | undefined };
}
