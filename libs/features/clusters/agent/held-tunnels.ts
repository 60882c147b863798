import { type Mux, muxOverWebSocket } from '@nm/adapters/tunnel';
import { isFault } from '@nm/kernel/fault';
import type { WebSocket } from 'ws';
import type { ClusterDeps } from '../deps.js';
import { type AgentCluster, openTokens } from './agent-token.js';
import { takeHello } from './take-hello.js';
import { addTunnel, beatTunnels, nameTunnel, removeTunnel } from './tunnel-rows.js';

/** What happens to tunnels, for logs and metrics. */
export interface TunnelWatch {
  readonly onError: (error: unknown) => void;
  readonly onTunnel?: (change: 'opened' | 'closed', clusterId: string, reason?: string) => void;
  readonly onBytes?: (direction: 'in' | 'out', bytes: number) => void;
}

interface Tunnel {
  readonly mux: Mux;
  readonly cluster: AgentCluster;
  rowId?: string | undefined;
  /** It was announced, so its end is too. */
  isOpen: boolean;
}

/** An agent that has not said hello by then is none. Milliseconds. */
const helloMs = 15_000;

/** HeldTunnels are the tunnels that this process holds, and their rows. */
export class HeldTunnels {
  /** Those that take new streams, by cluster. */
  readonly byCluster = new Map<string, Set<Mux>>();
  readonly #deps: ClusterDeps & TunnelWatch;
  readonly #all = new Set<Tunnel>();
  readonly #ownUrl: () => string;

  /** @param ownUrl how other processes reach this one */
  constructor(deps: ClusterDeps & TunnelWatch, ownUrl: () => string) {
    this.#deps = deps;
    this.#ownUrl = ownUrl;
  }

  /** count is how many tunnels and clusters there are, and how many streams are open on them. */
  count(): { readonly tunnels: number; readonly clusters: number; readonly streams: number } {
    const open = [...this.#all].filter(({ isOpen }) => isOpen);
    const streams = open.reduce((sum, { mux }) => sum + mux.streams, 0);
    return { tunnels: open.length, clusters: new Set(open.map(({ cluster }) => cluster.id)).size, streams };
  }

  /** pick gives the tunnel with the fewest streams: replicas share the work. One that has just broken has none, and its WebSocket's end may be a moment behind. */
  pick(clusterId: string): Mux | undefined {
    const open = [...(this.byCluster.get(clusterId) ?? [])].filter((mux) => !mux.isClosed);
    return open.sort((a, b) => a.streams - b.streams)[0];
  }

  /** carry takes an agent's WebSocket for a tunnel once the agent has said who it is. */
  carry(socket: WebSocket, cluster: AgentCluster): void {
    const late = setTimeout(() => socket.close(1008, 'no hello came'), helloMs);
    const { onBytes } = this.#deps;
    const mux = muxOverWebSocket(socket, {
      ...(onBytes ? { onBytes } : {}),
      onHello: (payload) => {
        clearTimeout(late);
        this.#onHello(tunnel, socket, payload).catch((error: unknown) => {
          this.#deps.onError(error);
          socket.close(1008, refusalOf(error));
        });
      },
      onClose: (reason) => {
        clearTimeout(late);
        this.#onClose(tunnel, reason);
      },
    });
    const tunnel: Tunnel = { mux, cluster, isOpen: false };
    this.#all.add(tunnel);
  }

  /** beat keeps the rows alive, and ends the tunnels whose cluster or token is gone. */
  async beat(): Promise<void> {
    const rows = [...this.#all].filter((tunnel) => tunnel.rowId !== undefined);
    const living = await beatTunnels(
      this.#deps,
      rows.map(({ rowId }) => rowId ?? ''),
    );
    for (const { mux, rowId } of rows)
      if (rowId !== undefined && !living.has(rowId)) mux.close('the cluster is no longer registered');
    await this.#cutRevoked([...this.#all]);
  }

  /** recheck ends the tunnels of one cluster whose token is gone. */
  async recheck(clusterId: string): Promise<void> {
    await this.#cutRevoked([...this.#all].filter(({ cluster }) => cluster.id === clusterId));
  }

  /** close ends all of them, and takes their rows away. */
  async close(): Promise<void> {
    const ids = [...this.#all].flatMap(({ rowId }) => rowId ?? []);
    for (const { mux } of [...this.#all]) mux.close('restarting');
    await Promise.all(ids.map((id) => removeTunnel(this.#deps, id).catch(this.#deps.onError)));
  }

  async #cutRevoked(tunnels: readonly Tunnel[]): Promise<void> {
    if (tunnels.length === 0) return;
    const open = await openTokens(
      this.#deps,
      tunnels.map(({ cluster }) => cluster),
    );
    for (const { mux, cluster } of tunnels)
      if (!open.has(cluster.lookup)) mux.close('the token was replaced or revoked');
  }

  async #onHello(tunnel: Tunnel, socket: WebSocket, payload: Buffer): Promise<void> {
    const { cluster, mux } = tunnel;
    const { replica, leaving } = await takeHello(this.#deps, cluster.id, payload);
    if (leaving) return this.#retire(tunnel);
    if (tunnel.rowId) return void (await nameTunnel(this.#deps, tunnel.rowId, replica));
    const row = { clusterId: cluster.id, orgId: cluster.orgId, owner: this.#ownUrl(), replica };
    tunnel.rowId = await addTunnel(this.#deps, row);
    // It may have closed meanwhile, before there was a row to remove.
    if (socket.readyState !== socket.OPEN) return void (await removeTunnel(this.#deps, tunnel.rowId));
    tunnel.isOpen = true;
    this.byCluster.set(cluster.id, (this.byCluster.get(cluster.id) ?? new Set()).add(mux));
    this.#deps.onTunnel?.('opened', cluster.id);
  }

  /** What is on it may finish; nothing new comes. */
  async #retire(tunnel: Tunnel): Promise<void> {
    const { rowId } = tunnel;
    this.#withdraw(tunnel);
    if (rowId !== undefined) await removeTunnel(this.#deps, rowId);
    // The agent waits for this before it counts what is left.
    tunnel.mux.hello(Buffer.from('{}'));
  }

  #withdraw(tunnel: Tunnel): void {
    const { mux, cluster } = tunnel;
    const mine = this.byCluster.get(cluster.id);
    mine?.delete(mux);
    if (mine?.size === 0) this.byCluster.delete(cluster.id);
    tunnel.rowId = undefined;
  }

  #onClose(tunnel: Tunnel, reason: string): void {
    const { rowId } = tunnel;
    this.#withdraw(tunnel);
    this.#all.delete(tunnel);
    if (rowId !== undefined) removeTunnel(this.#deps, rowId).catch(this.#deps.onError);
    if (tunnel.isOpen) this.#deps.onTunnel?.('closed', tunnel.cluster.id, reason);
  }
}

const refusalOf = (error: unknown): string =>
  isFault(error) ? error.publicMessage.slice(0, 40) : 'the hello was not understood';
