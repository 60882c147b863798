import type { Socket } from 'node:net';
import type { Fault } from '@nm/kernel/fault';
import type { Dispatcher } from 'undici';
import type { TlsListenOptions } from './tls-listener.js';

/**
 * This is the port between an engine, which speaks HTTP, and the gateway's policy, which decides. An engine calls `Policy.open` for every request
 * whose head is well formed, asks the visit for its plan, carries the exchange, and tells the visit once how it ended. Engines decide nothing and
 * write no answer of their own making but through `refuse`; a policy sees no socket and no body.
 */
export interface Policy<Tag> {
  open(head: RequestHead): Visit<Tag>;
  /** What is said to bytes that are no request; the connection is closed after it. */
  refuse(fault: Fault): Answer;
  /** Who shares the server with others: when there is too much work, who has more than its share is refused first. */
  tenantOf?(tag: Tag): string;
}

export type MaybePromise<T> = T | Promise<T>;

/** One request on its way, as the policy keeps it. */
export interface Visit<Tag> {
  /** Called once. Gives its plan at once when everything that it needs is in memory. @throws Fault which then goes through `refuse` */
  plan(): MaybePromise<Plan<Tag>>;
  /** The answer for a fault of `plan`, or of the exchange before its answer began. */
  refuse(fault: Fault): Answer;
  /** Called exactly once, after everything else. */
  finished(outcome: Outcome): void;
}

/** RequestHead is what a policy sees of a request. Strings are made when they are asked for; bytes are read as latin1. */
export interface RequestHead {
  readonly method: string;
  /** The request target as it came, byte for byte; of an absolute-form target the part after the authority. */
  readonly target: string;
  readonly httpMinor: 0 | 1;
  /** Who sent it: the peer, or whom a trusted peer names. */
  readonly remoteAddress: string;
  readonly scheme: 'http' | 'https';
  /** The protocol that the client wants to switch to (RFC 9110 §7.8). */
  readonly upgrade: string | undefined;
  /** One field's value; of repeated ones the list (RFC 9110 §5.3). Only until `plan` has settled. @param lowerName in lower case */
  header(lowerName: string): string | undefined;
  /** Aborts when the client leaves; made on the first call. */
  leaves(): AbortSignal;
}

/** Connector opens connections to a place that is not reached by plain TCP; who it is tells pools apart by its `dispatcher`. */
export interface Connector {
  /** For an engine that speaks through undici. */
  readonly dispatcher: Dispatcher;
  /** A new connection, ready for the first byte. */
  dial(): Promise<Socket>;
}

/** Where a request goes: an origin and the raw request target, byte for byte. */
export interface Target {
  /** `http://host:port` */
  readonly origin: string;
  readonly path: string;
  /** Instead of the engine's own pool for the origin, such as one with a cluster's CA. */
  readonly connector?: Connector;
}

/** Names of fields that don't pass, in lower case. Constant objects: an engine compiles each once. */
export interface FieldFilter {
  readonly names: readonly string[];
  readonly prefixes: readonly string[];
}

/** Field lines ready to be sent, each `Name: value` with CRLF; whoever makes them answers for their form. */
export type FieldLines = string;

/** FieldSink takes field lines piece by piece, so that nobody has to join what is written one after the other anyhow. */
export interface FieldSink {
  /** latin1 */
  text(text: string): void;
  /** What is the same for many requests is made once. */
  prepared(bytes: Buffer): void;
  /** A whole number, not negative, in decimal digits. */
  number(value: number): void;
  /** The lowest bits of a number as digits, the highest first. @param digits as many as a power of two @param count of at most 32 bits together */
  bits(value: number, digits: Uint8Array, count: number): void;
}

/**
 * Plan is everything that an engine needs to know about one request; it removes nothing on its own but hop-by-hop fields, and adds only
 * those and the `Host` of the target's origin.
 */
export interface Plan<Tag> {
  readonly target: Target;
  readonly requestFilter: FieldFilter;
  /** Fields for the upstream that are made once for many requests; they stand before those of `addToRequest`. */
  readonly requestFields?: Buffer | undefined;
  /** Set when the same may be done for requests with the same head; asked once the request is sent. */
  readonly again?: Again<Tag> | undefined;
  /** Asked for each attempt to send the request. */
  addToRequest(out: FieldSink): void;
  readonly answerFilter: FieldFilter;
  /** Asked when the answer begins. */
  addToAnswer(out: FieldSink): void;
  /** Tells whose exchange this is, for `cut`. */
  readonly tag: Tag;
  /** Told at most once: the exchange has become one that lasts, a stream or a tunnel. */
  lasts?(): void;
  /**
   * Bytes of content that the request may have, however it is framed; more is answered 413, or cut off once the answer has begun. The connection to the upstream, which
   * has a part of it, ends.
   */
  readonly bodyBytesMax?: number | undefined;
  /** The answer has no natural end (a watch, a shell): it counts as a stream and may be quiet for long. */
  readonly openEnded?: boolean;
  /** Sees the pieces of the answer's content as they pass; it must be quick, and keep none of them. */
  peek?(bytes: Buffer, start: number, end: number): void;
  /** Asked once after a failed dial: another target, or undefined to give up. May throw a Fault. */
  redial?(): Promise<Target | undefined>;
}

/** Again opens a request whose head is byte for byte that of one which was planned before. */
export interface Again<Tag> {
  /** @returns undefined when the same may not be done any more, or for whoever sends this one: open it anew */
  open(head: RequestHead): Visit<Tag> | undefined;
}

/** An answer of the policy's own making. The engine adds length, date and connection. */
export interface Answer {
  readonly status: number;
  readonly fields: FieldLines;
  readonly body: Buffer;
}

/** What became of an exchange. */
export interface Outcome {
  /** Status that the client got; 0 when it left before. */
  readonly status: number;
  /** Set when it was refused or failed. */
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

export interface EngineTimeouts {
  /** Until the connection to an upstream stands. */
  readonly connectMs: number;
  /** From the sent request to the head of the answer. */
  readonly headersMs: number;
  /** Without a byte in either direction. */
  readonly idleMs: number;
}

export interface EngineOptions extends EngineTimeouts {
  /** From the first byte of a request to the end of its head: a slow head holds a connection for nothing. */
  readonly headMs: number;
  /** Our name in `Via`, in lower case: the same in every process of an installation, and no other installation's. */
  readonly pseudonym: string;
  /** Addresses and CIDR blocks of the proxies in front of us, whose `Forwarded` and `X-Forwarded-*` are believed. */
  readonly trustedPeers: readonly string[];
  /** Connections of trusted peers begin with a PROXY protocol header, version 2. */
  readonly proxyProtocol: boolean;
}

export interface ListenOptions<Tag> {
  readonly hosts: readonly string[];
  /** One port on every address; 0 lets the first address choose. */
  readonly port: number;
  /** Other processes listen on the same port (SO_REUSEPORT). */
  readonly sharePort?: boolean;
  readonly policy: Policy<Tag>;
}

/** What an engine holds now; without clients all of it goes back to zero within seconds. */
export interface EngineCounts {
  /** Connections of clients, idle ones included. */
  readonly clients: number;
  /** Connections to upstreams, idle ones included. */
  readonly upstreams: number;
  /** Requests that count as work under way, for the bound on it. */
  readonly working: number;
}

/** Engine listens, forwards requests and tunnels, and knows which are open. */
export interface Engine<Tag> {
  /** Exchanges that are under way, for metrics and reviews. */
  readonly open: Iterable<OpenExchange<Tag>> & { readonly size: number };
  counts(): EngineCounts;
  /** @returns the port @throws Fault config_invalid when an address cannot be used */
  listen(options: ListenOptions<Tag>): Promise<number>;
  /** listenTls takes connections over TLS too, after `listen`. @returns the port @throws Fault config_invalid */
  listenTls(options: TlsListenOptions): Promise<number>;
  /** cut ends every open exchange that `affected` names, and tells how many. */
  cut(reason: Fault, affected: (exchange: OpenExchange<Tag>) => boolean, style?: CutStyle): number;
  /** beginDrain makes every further answer close its connection. */
  beginDrain(): void;
  /** closeListeners stops accepting; resolves when the last connection is gone. */
  closeListeners(): Promise<void>;
  /** cutConnections drops what is left. */
  cutConnections(): void;
  /** close ends the connections to upstreams. */
  close(): Promise<void>;
}
