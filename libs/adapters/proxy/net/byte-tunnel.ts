import type { Socket } from 'node:net';
import type { CutStyle } from '../exchange.js';
import { closeFrame, FrameBoundary } from '../websocket-frames.js';
import type { OutBuffer } from './out-buffer.js';
import type { Wire } from './wire.js';

/** Finds a peer that vanished without a word. */
const keepAliveProbeMs = 30_000;
/** What a client gets to read our last bytes, before its connection is dropped. */
const lingerMs = 500;

export interface TunnelEvents {
  /** A byte went either way, or an end. */
  readonly moved: () => void;
  /** Both sides have ended, or one was lost. */
  readonly over: () => void;
}

/** ByteTunnel carries bytes both ways after a switch of protocols (RFC 9110 §7.8) until both sides have ended or one is lost. */
export class ByteTunnel {
  bytesIn = 0;
  bytesOut = 0;
  readonly #client: Wire;
  readonly #upstream: Wire;
  readonly #out: OutBuffer;
  readonly #events: TunnelEvents;
  readonly #frames: FrameBoundary | undefined;
  /** One side has said its last byte; the other may still talk. */
  halfClosed = false;
  #over = false;

  constructor(client: Wire, upstream: Wire, protocol: string, out: OutBuffer, events: TunnelEvents) {
    this.#client = client;
    this.#upstream = upstream;
    this.#out = out;
    this.#events = events;
    this.#frames = protocol.toLowerCase() === 'websocket' ? new FrameBoundary() : undefined;
  }

  /** start relays; what came early on either side goes first. */
  start(early: Buffer | undefined, answered: Buffer): void {
    const client = this.#client.socket;
    const upstream = this.#upstream.socket;
    for (const socket of [client, upstream]) {
      socket.setKeepAlive(true, keepAliveProbeMs);
      socket.setNoDelay(true);
      socket.once('close', this.#onClose);
    }
    upstream.on('error', () => undefined);
    // An end in one direction ends that direction only.
    upstream.allowHalfOpen = true;
    if (early) this.#toUpstream(early, 0, early.length);
    this.#toClient(answered, 0, answered.length);
    this.#client.reader = { receive: this.#toUpstream };
    this.#upstream.reader = { receive: this.#toClient };
    client.on('end', () => this.#endOf(upstream)).on('drain', () => upstream.resume());
    upstream.on('end', () => this.#endOf(client)).on('drain', () => client.resume());
    client.resume();
    upstream.resume();
  }

  readonly #toUpstream = (bytes: Buffer, from: number, to: number): void => {
    this.bytesIn += to - from;
    this.#events.moved();
    this.#out.copy(bytes, from, to);
    if (!this.#out.writeTo(this.#upstream)) this.#client.socket.pause();
  };

  readonly #toClient = (bytes: Buffer, from: number, to: number): void => {
    this.bytesOut += to - from;
    this.#frames?.see(bytes.subarray(from, to));
    this.#events.moved();
    this.#out.copy(bytes, from, to);
    if (!this.#out.writeTo(this.#client)) this.#upstream.socket.pause();
  };

  #endOf(other: Socket): void {
    this.halfClosed = true;
    this.#events.moved();
    other.end();
  }

  /** cut ends the tunnel: a WebSocket between two frames gets a close frame (1001 on a drain, 1008 on a denial) first. */
  cut(style: CutStyle): void {
    if (this.#frames?.clean) this.#client.write(closeFrame(style === 'goodbye' ? 1001 : 1008));
    this.end();
  }

  end(): void {
    const client = this.#client.socket;
    this.#upstream.socket.destroy();
    client.end();
    setTimeout(() => client.destroy(), lingerMs).unref();
  }

  readonly #onClose = (): void => {
    if (this.#over) return;
    this.#over = true;
    this.#events.over();
    this.end();
  };
}
