import type { Socket } from 'node:net';

/** What an exchange may ask of its client's connection. */
export interface ExchangeClient {
  readonly socket: Socket;
  readonly remoteAddress: string;
  /** The whole body of the request has come. */
  readonly bodyDone: boolean;
  readonly bodyIsChunked: boolean;
  /** Trailer fields of the request's body. */
  readonly trailers: string;
  /** Lets the body flow: the upstream is there. */
  startBody(): void;
  pause(): void;
  resume(): void;
  /** Goes on with the next request, or ends the connection. */
  exchangeDone(close: boolean): void;
  /** Hands the socket's bytes over. @returns bytes that came already */
  becomeTunnel(): Buffer | undefined;
}
