import { createServer, type Server, type Socket } from 'node:net';
import { type Fault, invariant } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import type { CutStyle, Engine, EngineCounts, EngineOptions, ListenOptions, OpenExchange } from '../exchange.js';
import { listenOn } from '../listen.js';
import { TlsListener, type TlsListenOptions } from '../tls-listener.js';
import { TrustedPeers } from '../trusted-peers.js';
import { ClientConnection } from './client-connection.js';
import { type ClientHandle, HeadStock, type NetContext } from './context.js';
import { KnownHeads } from './known-heads.js';
import { LoadLimit } from './load-limit.js';
import { OpenList } from './open-list.js';
import { OutBuffer } from './out-buffer.js';
import { UpstreamPools } from './upstream-pools.js';
import { eventWiring, type Wiring } from './wire.js';

/** All deadlines are looked at this often, instead of a timer for each. */
const tickMs = 100;

/** NetEngine speaks HTTP/1.1 itself, on node:net on both sides. */
export class NetEngine<Tag> implements Engine<Tag> {
  readonly #options: EngineOptions;
  readonly #chooseWiring: () => Wiring | Promise<Wiring>;
  readonly #servers: Server[] = [];
  readonly #exchanges: NetContext<Tag>['open'] = new OpenList();
  #context: NetContext<Tag> | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #tls: TlsListener | undefined;

  constructor(options: EngineOptions, chooseWiring: () => Wiring | Promise<Wiring>) {
    this.#options = options;
    this.#chooseWiring = chooseWiring;
  }

  get open(): Engine<Tag>['open'] {
    return this.#exchanges;
  }

  counts(): EngineCounts {
    const { clients, upstreams, load } = this.#context ?? {};
    return { clients: clients?.size ?? 0, upstreams: upstreams?.size ?? 0, working: load?.inFlight ?? 0 };
  }

  async listen({ hosts, port, policy, sharePort }: ListenOptions<Tag>): Promise<number> {
    const wiring = await this.#chooseWiring();
    const clock = { nowMs: systemClock.monotonicMs() };
    const trusted = new TrustedPeers(this.#options.trustedPeers);
    const context: NetContext<Tag> = Object.assign(clock, {
      policy,
      upstreams: new UpstreamPools(clock, wiring),
      timeouts: this.#options,
      headMs: this.#options.headMs,
      pseudonym: this.#options.pseudonym,
      trusted,
      proxyProtocol: this.#options.proxyProtocol,
      load: new LoadLimit(),
      open: this.#exchanges,
      clients: new Set<ClientHandle>(),
      out: new OutBuffer(),
      heads: new HeadStock(),
      known: trusted.empty ? new KnownHeads<Tag>() : undefined,
      closing: false,
    });
    this.#context = context;
    let chosen = port;
    for (const host of hosts) {
      const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true };
      const server = createServer(options, (socket: Socket) => {
        new ClientConnection(context, wiring.accept(socket));
      });
      try {
        chosen = await listenOn(server, host, chosen, sharePort);
      } catch (error) {
        for (const other of this.#servers.splice(0)) other.close();
        throw error;
      }
      this.#servers.push(server);
    }
    this.#ticker = setInterval(() => tick(context), tickMs);
    this.#ticker.unref();
    return chosen;
  }

  async listenTls(options: TlsListenOptions): Promise<number> {
    const context = this.#context;
    invariant(context, 'listen comes before listenTls');
    const listener = await TlsListener.open(options, (socket) => {
      new ClientConnection(context, eventWiring.accept(socket));
    });
    this.#servers.push(...listener.servers);
    this.#tls = listener;
    return listener.port;
  }

  cut(reason: Fault, affected: (exchange: OpenExchange<Tag>) => boolean, style: CutStyle = 'now'): number {
    const hit = [...this.#exchanges].filter(affected);
    for (const exchange of hit) exchange.cut(reason, style);
    return hit.length;
  }

  beginDrain(): void {
    if (this.#context) this.#context.closing = true;
  }

  async closeListeners(): Promise<void> {
    for (const client of this.#context?.clients ?? []) client.goSoon();
    await Promise.all(this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }

  cutConnections(): void {
    for (const client of this.#context?.clients ?? []) client.socket.destroy();
  }

  async close(): Promise<void> {
    clearInterval(this.#ticker);
    this.#tls?.close();
    this.#context?.upstreams.destroy();
  }
}

function tick<Tag>(context: NetContext<Tag>): void {
  const nowMs = systemClock.monotonicMs();
  context.load.tick(nowMs - context.nowMs - tickMs);
  context.nowMs = nowMs;
  for (const exchange of context.open) exchange.tick(context.nowMs);
  for (const client of context.clients) client.tick(context.nowMs);
  context.upstreams.tick();
  context.known?.tick();
}
