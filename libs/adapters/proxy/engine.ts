import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Fault } from '@nm/kernel/fault';
import type { CutStyle, OpenExchange, Outcome, Plan } from './exchange.js';
import { Forward, type ForwardContext } from './forward.js';
import { defaultTimeouts, Pools, type ProxyTimeouts } from './pools.js';
import { Tunnel, type TunnelOutcome } from './tunnel.js';

/**
 * ProxyEngine forwards requests and tunnels, and knows which are open. It decides nothing and answers nothing on its own: a failure before the
 * first byte comes back as an `Outcome` with a fault and status 0.
 */
export class ProxyEngine<Tag> {
  readonly #pools: Pools;
  readonly #open = new Set<OpenExchange<Tag>>();
  readonly #context: ForwardContext<Tag>;
  #closing = false;

  constructor(timeouts: Partial<ProxyTimeouts> = {}) {
    const all = { ...defaultTimeouts, ...timeouts };
    this.#pools = new Pools(all);
    this.#context = {
      dispatcherOf: (target) => target.dispatcher ?? this.#pools.of(target.origin),
      idleMs: all.idleMs,
      headersMs: all.headersMs,
      open: this.#open,
      closing: () => this.#closing,
    };
  }

  /** Exchanges that are under way, for metrics and reviews. */
  get open(): ReadonlySet<OpenExchange<Tag>> {
    return this.#open;
  }

  /** forward carries one request; resolves when it is over, never rejects. */
  forward(request: IncomingMessage, response: ServerResponse, plan: Plan<Tag>): Promise<Outcome> {
    const forward = new Forward(this.#context, request, response, plan);
    forward.start();
    return forward.done;
  }

  /** tunnel switches protocols; resolves when the tunnel is over or was refused. */
  tunnel(request: IncomingMessage, socket: Duplex, head: Buffer, plan: Plan<Tag>): Promise<TunnelOutcome> {
    const tunnel = new Tunnel(this.#context, request, socket, head, plan);
    tunnel.start();
    return tunnel.done;
  }

  /** cut ends every open exchange that `affected` names, and tells how many. */
  cut(reason: Fault, affected: (exchange: OpenExchange<Tag>) => boolean, style: CutStyle = 'now'): number {
    const hit = [...this.#open].filter(affected);
    for (const exchange of hit) exchange.cut(reason, style);
    return hit.length;
  }

  /** beginDrain makes every further answer close its connection. */
  beginDrain(): void {
    this.#closing = true;
  }

  close(): Promise<void> {
    return this.#pools.close();
  }
}
