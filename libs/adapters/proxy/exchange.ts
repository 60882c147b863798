import type { Fault } from '@nm/kernel/fault';
import type { Dispatcher } from 'undici';

/** Where a request goes: an origin and the raw request target, byte for byte. */
export interface Target {
  /** `http://host:port` */
  readonly origin: string;
  readonly path: string;
  /** Instead of the engine's own pool for the origin, such as one with a cluster's CA. */
  readonly dispatcher?: Dispatcher;
}

/** Plan is everything that the engine needs to know about one request; it adds and removes nothing on its own but hop-by-hop fields. */
export interface Plan<Tag> {
  readonly target: Target;
  /** Raw fields for the upstream, hop-by-hop ones already gone (`endToEnd`). */
  readonly headers: string[];
  /** Tells whose exchange this is, for `cut`. */
  readonly tag: Tag;
  /** Fields added to the answer. */
  readonly addToAnswer: () => readonly string[];
  /** Fields of the upstream's answer that don't pass; gets lower-case names. */
  readonly dropFromAnswer: (lowerName: string) => boolean;
  /** The answer has no natural end (a watch): it counts as a stream and may be quiet for long. */
  readonly openEnded?: boolean;
  /** Asked once after a failed dial: another target, or undefined to give up. May throw a Fault. */
  readonly redial?: () => Promise<Target | undefined>;
}

/** What became of an exchange. */
export interface Outcome {
  /** Status sent to the client; 0 when no head was sent. */
  readonly status: number;
  /** Set when it failed. With `status` 0 the client is still waiting for an answer, which the caller writes. */
  readonly fault?: Fault;
  /** The client left before the end. */
  readonly clientGone: boolean;
  /** Body bytes from the client. */
  readonly bytesIn: number;
  /** Body bytes to the client. */
  readonly bytesOut: number;
}

/** How an open exchange ends early: at once, or (a drain) with the goodbye that its protocol knows. */
export type CutStyle = 'now' | 'goodbye';

export interface OpenExchange<Tag> {
  readonly tag: Tag;
  /** A stream has no end of its own: an event stream, a watch. */
  readonly kind: 'request' | 'stream' | 'tunnel';
  cut(reason: Fault, style: CutStyle): void;
}
