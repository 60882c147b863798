import type { Socket } from 'node:net';
import type { CutStyle } from '../exchange.js';
import { closeFrame, FrameBoundary } from '../websocket-frames.js';

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
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #events: TunnelEvents;
  readonly #frames: FrameBoundary | undefined;
  /** One side has said its last byte; the other may still talk. */
  halfClosed = false;
  #over = false;

  constructor(client: Socket, upstream: Socket, protocol: string, events: TunnelEvents) {
    this.#client = client;
    this.#upstream = upstream;
    this.#events = events;
    this.#frames = protocol.toLowerCase() === 'websocket' ? new FrameBoundary() : undefined;
  }

  /** start relays; what came early on either side goes first. */
  start(early: Buffer | undefined, answered: Buffer): void {
    for (const socket of [this.#client, this.#upstream]) {
      socket.setKeepAlive(true, keepAliveProbeMs);
      socket.setNoDelay(true);
      socket.once('close', this.#onClose);
    }
    this.#upstream.on('error', () => undefined);
    // An end in one direction ends that direction only.
    this.#upstream.allowHalfOpen = true;
    if (early && early.length > 0) this.#toUpstream(early);
    if (answered.length > 0) this.#toClient(answered);
    this.#client.on('data', this.#toUpstream).on('end', () => this.#endOf(this.#upstream));
    this.#upstream.on('data', this.#toClient).on('end', () => this.#endOf(this.#client));
    this.#client.on('drain', () => this.#upstream.resume());
    this.#upstream.on('drain', () => this.#client.resume());
    this.#client.resume();
    this.#upstream.resume();
  }

  readonly #toUpstream = (chunk: Buffer): void => {
    this.bytesIn += chunk.length;
    this.#events.moved();
    if (!this.#upstream.write(chunk)) this.#client.pause();
  };

  readonly #toClient = (chunk: Buffer): void => {
    this.bytesOut += chunk.length;
    this.#frames?.see(chunk);
    this.#events.moved();
    if (!this.#client.write(chunk)) this.#upstream.pause();
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
    this.#upstream.destroy();
    this.#client.end();
    setTimeout(() => this.#client.destroy(), lingerMs).unref();
  }

  readonly #onClose = (): void => {
    if (this.#over) return;
    this.#over = true;
    this.#events.over();
    this.end();
  };
}
