import { connect, type Socket } from 'node:net';
import type { Target } from '../exchange.js';
import { UpstreamConnection, type UpstreamHome, type UpstreamUser } from './upstream-connection.js';

/** Connections to one origin; beyond, requests wait for one to become free. */
const connectionsMax = 1_024;
/** Shorter than the 5 s after which Node and uvicorn close an idle connection, so that we don't write into a closing one. */
const idleMsMax = 4_000;

/** UpstreamPool keeps the connections to one origin. */
class UpstreamPool implements UpstreamHome {
  readonly #clock: { readonly nowMs: number };
  readonly #open: () => Socket;
  readonly #all = new Set<UpstreamConnection>();
  readonly #idle: UpstreamConnection[] = [];
  readonly #waiting: UpstreamUser[] = [];
  readonly #assigned: (user: UpstreamUser, connection: UpstreamConnection) => void;

  constructor(
    clock: { readonly nowMs: number },
    open: () => Socket,
    assigned: (user: UpstreamUser, connection: UpstreamConnection) => void,
  ) {
    this.#clock = clock;
    this.#open = open;
    this.#assigned = assigned;
  }

  get empty(): boolean {
    return this.#all.size === 0 && this.#waiting.length === 0;
  }

  /** take gives an idle connection or a new one, which is not `ready` yet; undefined when the user has to wait for its turn. */
  take(user: UpstreamUser): UpstreamConnection | undefined {
    const idle = this.#idle.pop();
    if (idle) {
      idle.use(user);
      return idle;
    }
    if (this.#all.size >= connectionsMax) {
      this.#waiting.push(user);
      return undefined;
    }
    return this.#dial(user);
  }

  #dial(user: UpstreamUser): UpstreamConnection {
    const socket = this.#open();
    const connection = new UpstreamConnection(socket, this);
    this.#all.add(connection);
    connection.use(user);
    socket.once('connect', () => connection.connected());
    return connection;
  }

  /** leave takes a user that waits no longer out of the queue. */
  leave(user: UpstreamUser): void {
    const at = this.#waiting.indexOf(user);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  giveBack(connection: UpstreamConnection): void {
    const next = this.#waiting.shift();
    if (next) {
      connection.use(next);
      this.#assigned(next, connection);
      return;
    }
    connection.idleSinceMs = this.#clock.nowMs;
    this.#idle.push(connection);
  }

  gone(connection: UpstreamConnection): void {
    this.#all.delete(connection);
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    const next = this.#waiting.shift();
    if (next) this.#assigned(next, this.#dial(next));
  }

  /** tick closes what has been idle for too long; the oldest are first. */
  tick(): void {
    while (this.#idle[0] && this.#clock.nowMs - this.#idle[0].idleSinceMs > idleMsMax) this.#idle[0].destroy();
  }

  destroy(): void {
    this.#waiting.length = 0;
    for (const connection of this.#all) connection.destroy();
  }
}

/** UpstreamPools keeps one pool for each origin that is in use. */
export class UpstreamPools {
  readonly #pools = new Map<string, UpstreamPool>();
  readonly #clock: { readonly nowMs: number };

  constructor(clock: { readonly nowMs: number }) {
    this.#clock = clock;
  }

  /** take @see UpstreamPool.take */
  take(target: Target, user: WaitingUser): UpstreamConnection | undefined {
    return this.#of(target).take(user);
  }

  leave(target: Target, user: UpstreamUser): void {
    this.#pools.get(target.origin)?.leave(user);
  }

  #of({ origin }: Target): UpstreamPool {
    let pool = this.#pools.get(origin);
    if (!pool) {
      const { hostname, port } = new URL(origin);
      const host = hostname.replace(/^\[|\]$/g, '');
      pool = new UpstreamPool(
        this.#clock,
        () => connect({ host, port: Number(port || 80), noDelay: true }),
        (user, connection) => (user as WaitingUser).upstreamAssigned(connection),
      );
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  tick(): void {
    for (const [origin, pool] of this.#pools) {
      pool.tick();
      if (pool.empty) this.#pools.delete(origin);
    }
  }

  destroy(): void {
    for (const pool of this.#pools.values()) pool.destroy();
    this.#pools.clear();
  }
}

/** A user that may have to wait for a connection. */
export interface WaitingUser extends UpstreamUser {
  /** Its turn has come; the connection may not be `ready` yet. */
  upstreamAssigned(connection: UpstreamConnection): void;
}
