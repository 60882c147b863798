import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Mux, muxOverWebSocket } from '@nm/adapters/tunnel';
import { agentPath } from '@nm/kernel/contracts';
import { Fault, isFault } from '@nm/kernel/fault';
import { parseBearerKey } from '@nm/kernel/ids';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ClusterDeps } from '../deps.js';
import { forwardPath, forwardProtocol, isForwardPass } from './forward-pass.js';
import { takeHello } from './take-hello.js';
import { addTunnel, beatTunnels, heartbeatMs, nameTunnel, removeTunnel } from './tunnel-rows.js';

export interface AgentListenerOptions extends ClusterDeps {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** How other processes of ours reach this listener: `http://host:port`; without it, as it listens. */
  readonly advertise?: string | undefined;
  readonly onError: (error: unknown) => void;
  readonly onTunnel?: (change: 'opened' | 'closed', clusterId: string) => void;
}

/** AgentListener takes agents' tunnels, and lends them to the other processes. */
export interface AgentListener {
  readonly port: number;
  readonly url: string;
  /** Tunnels that are open here, by cluster. */
  readonly tunnels: ReadonlyMap<string, ReadonlySet<Mux>>;
  close(): Promise<void>;
}

interface AgentCluster {
  readonly id: string;
  readonly orgId: string;
}

const messageBytesMax = 512 * 1024;
/** An agent that has not said hello by then is none. Milliseconds. */
const helloMs = 15_000;

/** startAgentListener @throws Error when the address is taken */
export async function startAgentListener(options: AgentListenerOptions): Promise<AgentListener> {
  const held: Held = { tunnels: new Map(), rows: new Map(), url: '' };
  const { tunnels, rows } = held;
  const sockets = new Set<Duplex>();
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: messageBytesMax, perMessageDeflate: false });
  const server = createServer((_, response) => response.writeHead(426, { connection: 'close' }).end());

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (path === agentPath) {
      const cluster = await agentCluster(options, bearer);
      if (!cluster) return refuse(socket, '401 Unauthorized');
      webSockets.handleUpgrade(request, socket, head, (webSocket) => carryTunnel(options, held, webSocket, cluster));
      return;
    }
    if (!path.startsWith(forwardPath)) return refuse(socket, '404 Not Found');
    const clusterId = decodeURIComponent(path.slice(forwardPath.length));
    if (!isForwardPass(options.vault, clusterId, bearer, options.clock.nowMs()))
      return refuse(socket, '401 Unauthorized');
    await forward(pick(tunnels.get(clusterId)), socket, head);
  };

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    upgrade(request, socket, head).catch((error: unknown) => {
      options.onError(error);
      refuse(socket, '503 Service Unavailable');
    });
  });
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(options.port, options.host, resolve),
  );
  const { port } = server.address() as AddressInfo;
  held.url = options.advertise ?? `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;
  const beat = setInterval(() => {
    const beating = [...rows];
    beatTunnels(options, [...rows.values()]).then((living) => {
      for (const [mux, id] of beating) if (!living.has(id)) mux.close('the cluster is no longer registered');
    }, options.onError);
  }, heartbeatMs);

  return {
    port,
    url: held.url,
    tunnels,
    close: async () => {
      clearInterval(beat);
      const ids = [...rows.values()];
      for (const webSocket of webSockets.clients) webSocket.close(1012, 'restarting');
      for (const muxes of [...tunnels.values()]) for (const mux of [...muxes]) mux.close('restarting');
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await Promise.all(ids.map((id) => removeTunnel(options, id).catch(options.onError)));
      await closed;
    },
  };
}

/** What this process holds. */
interface Held {
  readonly tunnels: Map<string, Set<Mux>>;
  /** The row of each tunnel. */
  readonly rows: Map<Mux, string>;
  /** How others reach this listener. */
  url: string;
}

/** carryTunnel takes an agent's WebSocket for a tunnel once the agent has said who it is; the row and the memory of it go with it. */
function carryTunnel(options: AgentListenerOptions, held: Held, socket: WebSocket, cluster: AgentCluster): void {
  const { tunnels, rows } = held;
  let rowId: string | undefined;
  const late = setTimeout(() => socket.terminate(), helloMs);
  const mux: Mux = muxOverWebSocket(socket, {
    onHello: (payload) =>
      void takeHello(options, cluster.id, payload)
        .then(async ({ replica }) => {
          clearTimeout(late);
          if (rowId) return void (await nameTunnel(options, rowId, replica));
          rowId = await addTunnel(options, { clusterId: cluster.id, orgId: cluster.orgId, owner: held.url });
          await nameTunnel(options, rowId, replica);
          if (socket.readyState !== socket.OPEN) return void (await removeTunnel(options, rowId));
          rows.set(mux, rowId);
          tunnels.set(cluster.id, (tunnels.get(cluster.id) ?? new Set()).add(mux));
          options.onTunnel?.('opened', cluster.id);
        })
        .catch((error: unknown) => {
          options.onError(error);
          socket.close(1008, isFault(error) ? error.publicMessage.slice(0, 100) : 'hello was not understood');
        }),
    onClose: () => {
      clearTimeout(late);
      const mine = tunnels.get(cluster.id);
      mine?.delete(mux);
      if (mine?.size === 0) tunnels.delete(cluster.id);
      rows.delete(mux);
      if (!rowId) return;
      removeTunnel(options, rowId).catch(options.onError);
      options.onTunnel?.('closed', cluster.id);
    },
  });
}

/** agentCluster finds the cluster that an agent's token is of; looked up by its public part, compared in constant time. */
async function agentCluster({ db, vault }: ClusterDeps, token: string): Promise<AgentCluster | undefined> {
  const key = parseBearerKey(token);
  if (key?.kind !== 'agent') return undefined;
  const row = await db.asSystem((tx) => tx.cluster.findUnique({ where: { agentLookup: key.lookup } }));
  return row?.agentHash && vault.matchesBearerKey(token, row.agentHash) ? { id: row.id, orgId: row.orgId } : undefined;
}

/** The tunnel with the fewest streams: replicas share the work. */
const pick = (muxes: ReadonlySet<Mux> | undefined): Mux | undefined =>
  [...(muxes ?? [])].sort((a, b) => a.streams - b.streams)[0];

async function forward(mux: Mux | undefined, socket: Duplex, head: Buffer): Promise<void> {
  if (!mux) return refuse(socket, '502 Bad Gateway');
  const stream = mux.open();
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${forwardProtocol}\r\n\r\n`);
  if (head.length > 0) stream.write(head);
  // An end on either side is passed on; an abort ends both.
  await Promise.all([pipeline(socket, stream, { end: true }), pipeline(stream, socket, { end: true })]).catch(() => {
    socket.destroy();
    stream.destroy(new Fault('cluster_unreachable'));
  });
}

function refuse(socket: Duplex, status: string): void {
  if (!socket.writable) socket.destroy();
  else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}
