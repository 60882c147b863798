import type { Target } from '../exchange.js';
import { UpstreamConnection, type UpstreamHome, type UpstreamUser } from './upstream-connection.js';
import { overEvents, type Wire, type Wiring } from './wire.js';

/** Connections to one origin; beyond, requests wait for one to become free. */
const connectionsMax = 1_024;
/** Shorter than the 5 s after which Node and uvicorn close an idle connection, so that we don't write into a closing one. */
const idleMsMax = 4_000;

/** UpstreamPool keeps the connections to one origin. */
class UpstreamPool implements UpstreamHome {
  readonly #clock: { readonly nowMs: number };
  readonly #open: () => Wire | Promise<Wire>;
  readonly #host: string;
  readonly #all = new Set<UpstreamConnection>();
  readonly #idle: UpstreamConnection[] = [];
  readonly #waiting: WaitingUser[] = [];
  /** Whose connections are being opened by a connector. */
  readonly #dialling = new Set<WaitingUser>();

  constructor(clock: { readonly nowMs: number }, target: Target, wiring: Wiring) {
    this.#clock = clock;
    this.#open = openerOf(target, wiring);
    this.#host = target.origin.slice(target.origin.indexOf('//') + 2);
  }

  get empty(): boolean {
    return this.size + this.#waiting.length === 0;
  }

  /** Connections that stand or are being opened. */
  get size(): number {
    return this.#all.size + this.#dialling.size;
  }

  /** take gives an idle connection or a new one, which may not be `ready` yet; undefined when the user has to wait for it. */
  take(user: WaitingUser): UpstreamConnection | undefined {
    const idle = this.#idle.pop();
    if (idle) {
      idle.use(user);
      return idle;
    }
    if (this.size < connectionsMax) return this.#dial(user);
    this.#waiting.push(user);
    return undefined;
  }

  #dial(user: WaitingUser): UpstreamConnection | undefined {
    const opened = this.#open();
    if (opened instanceof Promise) {
      this.#dialling.add(user);
      opened.then(
        (wire) => this.#dialled(user, wire),
        (error: Error) => {
          if (this.#dialling.delete(user)) user.upstreamFailed(error);
        },
      );
      return undefined;
    }
    const connection = this.#add(opened);
    connection.use(user);
    opened.socket.once('connect', () => connection.connected());
    return connection;
  }

  #add(wire: Wire): UpstreamConnection {
    const connection = new UpstreamConnection(wire, this, this.#host);
    this.#all.add(connection);
    return connection;
  }

  #dialled(user: WaitingUser, wire: Wire): void {
    const connection = this.#add(wire);
    connection.ready = true;
    if (!this.#dialling.delete(user)) return void this.giveBack(connection);
    connection.use(user);
    user.upstreamAssigned(connection);
  }

  /** leave is told by a user that waits no longer. */
  leave(user: WaitingUser): void {
    if (this.#dialling.delete(user)) return;
    const at = this.#waiting.indexOf(user);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  giveBack(connection: UpstreamConnection): void {
    const next = this.#waiting.length === 0 ? undefined : this.#waiting.shift();
    if (next) {
      connection.use(next);
      next.upstreamAssigned(connection);
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
    const fresh = next && this.#dial(next);
    if (fresh) next.upstreamAssigned(fresh);
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

/** UpstreamPools keeps one pool for each origin, or connector, that is in use. */
export class UpstreamPools {
  readonly #pools = new Map<unknown, UpstreamPool>();
  readonly #clock: { readonly nowMs: number };
  readonly #wiring: Wiring;

  constructor(clock: { readonly nowMs: number }, wiring: Wiring) {
    this.#clock = clock;
    this.#wiring = wiring;
  }

  /** Connections that stand or are being opened. */
  get size(): number {
    let sum = 0;
    for (const pool of this.#pools.values()) sum += pool.size;
    return sum;
  }

  /** take @see UpstreamPool.take */
  take(target: Target, user: WaitingUser): UpstreamConnection | undefined {
    const key = keyOf(target);
    let pool = this.#pools.get(key);
    if (!pool) {
      pool = new UpstreamPool(this.#clock, target, this.#wiring);
      this.#pools.set(key, pool);
    }
    return pool.take(user);
  }

  leave(target: Target, user: WaitingUser): void {
    this.#pools.get(keyOf(target))?.leave(user);
  }

  tick(): void {
    for (const [key, pool] of this.#pools) {
      pool.tick();
      if (pool.empty) this.#pools.delete(key);
    }
  }

  destroy(): void {
    for (const pool of this.#pools.values()) pool.destroy();
    this.#pools.clear();
  }
}

const keyOf = ({ origin, connector }: Target): unknown => connector?.dispatcher ?? origin;

function openerOf({ origin, connector }: Target, wiring: Wiring): () => Wire | Promise<Wire> {
  if (connector) return () => connector.dial().then(overEvents);
  const { hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  return () => wiring.dial(host, Number(port || 80));
}

/** A user that may have to wait for a connection. */
export interface WaitingUser extends UpstreamUser {
  /** Its turn has come; the connection may not be `ready` yet. */
  upstreamAssigned(connection: UpstreamConnection): void;
}
