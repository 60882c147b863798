import type { Socket } from 'node:net';
import { overEvents, UpstreamConnection, type UpstreamHome } from '@nm/adapters/proxy';
import type { Clock } from '@nm/kernel/time';
import type { WholeAnswer, WholeAnswerLimits } from './whole-answer.js';
import { WholeExchange } from './whole-exchange.js';

export interface KeptConnectionsOptions {
  readonly clock: Clock;
  /** Of the origin, as `Host` says it. */
  readonly host: string;
  /** Opens a connection that is ready for the first byte. */
  readonly dial: () => Promise<Socket>;
}

/** Balancers forget idle connections after a minute or more. */
const idleMsMax = 55_000;
/** A request must arrive before the server closes its connection. */
const wayMs = 1_000;

/**
 * KeptConnections sends requests over HTTP/1.1 connections of its own that stay open, and reads each answer to its end. undici's dispatcher takes about
 * twice the CPU of this for a small answer until the compiler has warmed up, and a process that reads a few hundred objects never gets there.
 */
export class KeptConnections implements UpstreamHome {
  readonly #options: KeptConnectionsOptions;
  /** With how long each may be idle, in milliseconds. */
  readonly #all = new Map<UpstreamConnection, number>();
  /** The latest used last. */
  readonly #idle: UpstreamConnection[] = [];
  #isRetired = false;
  #isClosed = false;
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: KeptConnectionsOptions) {
    this.#options = options;
  }

  /**
   * send sends a request, head and body in one piece.
   * @throws Fault kube_api for an answer that is too large, `TimeoutError`, the signal's reason, and what `beforeSend`, `dial` and sockets throw
   */
  send(request: Buffer, limits: WholeAnswerLimits): Promise<WholeAnswer> {
    if (limits.signal?.aborted) return Promise.reject(limits.signal.reason as Error);
    if (this.#isRetired) return Promise.reject(sessionClosed());
    return new Promise((resolve, reject) => {
      const exchange = new WholeExchange(limits, resolve, reject);
      const idle = this.#takeIdle();
      if (idle) this.#use(idle, exchange, request);
      else
        this.#options.dial().then(
          (socket) => this.#begin(exchange, socket, request),
          (error: Error) => exchange.upstreamFailed(error),
        );
    });
  }

  giveBack(connection: UpstreamConnection): void {
    if (this.#isRetired) return void connection.destroy();
    connection.idleSinceMs = this.#options.clock.monotonicMs();
    this.#idle.push(connection);
    this.#sweep ??= setTimeout(this.#dropStale, idleMsMax).unref();
  }

  gone(connection: UpstreamConnection): void {
    this.#all.delete(connection);
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** retire takes no new requests and lets those under way finish. */
  retire(): void {
    this.#isRetired = true;
    clearTimeout(this.#sweep);
    for (const connection of [...this.#idle]) connection.destroy();
  }

  /** close ends every connection; requests under way fail. */
  close(): void {
    this.#isClosed = true;
    this.retire();
    for (const connection of this.#all.keys()) connection.destroy();
  }

  #begin(exchange: WholeExchange, socket: Socket, request: Buffer): void {
    if (this.#isClosed) {
      socket.destroy();
      return void exchange.upstreamFailed(sessionClosed());
    }
    const connection = new UpstreamConnection(overEvents(socket), this, this.#options.host);
    this.#all.set(connection, idleMsMax);
    if (exchange.isOver) this.giveBack(connection);
    else this.#use(connection, exchange, request);
  }

  #use(connection: UpstreamConnection, exchange: WholeExchange, request: Buffer): void {
    if (!exchange.begin(connection, request, this.#onKept)) this.giveBack(connection);
  }

  #isStale(connection: UpstreamConnection): boolean {
    return this.#options.clock.monotonicMs() - connection.idleSinceMs > (this.#all.get(connection) ?? 0);
  }

  readonly #onKept = (connection: UpstreamConnection, keptMs: number): void =>
    void this.#all.set(connection, Math.min(idleMsMax, keptMs - wayMs));

  #takeIdle(): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (!connection || !this.#isStale(connection)) return connection;
      connection.destroy();
    }
  }

  readonly #dropStale = (): void => {
    this.#sweep = undefined;
    while (this.#idle[0] && this.#isStale(this.#idle[0])) this.#idle[0].destroy();
    if (this.#idle.length > 0) this.#sweep = setTimeout(this.#dropStale, idleMsMax).unref();
  };
}

const sessionClosed = (): Error => Object.assign(new Error('the session was closed'), { code: 'SESSION_CLOSED' });
