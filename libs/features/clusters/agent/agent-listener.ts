import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TLSSocket } from 'node:tls';
import { type CertificateFiles, TlsListener } from '@nm/adapters/proxy';
import type { Mux } from '@nm/adapters/tunnel';
import { agentPath } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { WebSocketServer } from 'ws';
import type { ClusterDeps } from '../deps.js';
import { findAgentCluster } from './agent-token.js';
import { forwardPath, forwardProtocol, isForwardPass } from './forward-pass.js';
import { HeldTunnels, type TunnelWatch } from './held-tunnels.js';
import { heartbeatMs } from './tunnel-rows.js';

export interface AgentListenerOptions extends ClusterDeps, TunnelWatch {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** How other processes of ours reach this listener: `http://host:port`; without it, as it listens. */
  readonly advertise?: string | undefined;
  /** TLS on a port of its own, for agents only. */
  readonly tls?: AgentTls | undefined;
}

interface AgentTls extends CertificateFiles {
  /** 0: any. */
  readonly port: number;
  /** The certificate was replaced; with an error when the new one cannot be used. */
  readonly onReload: (error?: unknown) => void;
}

/** AgentListener takes agents' tunnels, and lends them to the other processes. */
export interface AgentListener {
  readonly port: number;
  /** Where agents find TLS, when there is a certificate. */
  readonly tlsPort: number | undefined;
  readonly url: string;
  /** Tunnels that are open here, by cluster. */
  readonly tunnels: ReadonlyMap<string, ReadonlySet<Mux>>;
  count: HeldTunnels['count'];
  /** Ends the tunnels of a cluster whose token has been taken away. */
  recheck(clusterId: string): Promise<void>;
  close(): Promise<void>;
}

const messageBytesMax = 512 * 1024;

/** startAgentListener @throws Error when the address is taken, Fault config_invalid of the one for TLS */
export async function startAgentListener(options: AgentListenerOptions): Promise<AgentListener> {
  let url = '';
  const held = new HeldTunnels(options, () => url);
  const sockets = new Set<Duplex>();
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: messageBytesMax, perMessageDeflate: false });
  // By it an agent sees whether its clock is right.
  const dateField = (): string => `Date: ${options.clock.now().toUTCString()}\r\n`;
  webSockets.on('headers', (headers) => headers.push(dateField().trimEnd()));
  const server = createServer((_, response) => response.writeHead(426, { connection: 'close' }).end());

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (path === agentPath) {
      const cluster = await findAgentCluster(options, bearer);
      if (!cluster) return refuse(socket, '401 Unauthorized', dateField());
      webSockets.handleUpgrade(request, socket, head, (webSocket) => held.carry(webSocket, cluster));
      return;
    }
    // What our own processes ask of each other never comes in by the agents' door.
    if (!path.startsWith(forwardPath) || socket instanceof TLSSocket) return refuse(socket, '404 Not Found');
    const clusterId = decodeURIComponent(path.slice(forwardPath.length));
    if (!isForwardPass(options.vault, clusterId, bearer, options.clock.nowMs()))
      return refuse(socket, '401 Unauthorized');
    await forward(held.pick(clusterId), socket, head);
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
  const tls = options.tls && (await openTls(options.tls, options.host, server));
  url = options.advertise ?? `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;
  const beat = setInterval(() => void held.beat().catch(options.onError), heartbeatMs);

  return {
    port,
    tlsPort: tls?.port,
    url,
    tunnels: held.byCluster,
    count: () => held.count(),
    recheck: (clusterId) => held.recheck(clusterId),
    close: async () => {
      clearInterval(beat);
      const ended = held.close();
      tls?.close();
      const closed = Promise.all([server, ...(tls?.servers ?? [])].map((one) => new Promise((end) => one.close(end))));
      for (const socket of sockets) socket.destroy();
      await ended;
      await closed;
    },
  };
}

/** openTls takes TLS off connections and gives them to the server that takes agents. */
function openTls(tls: AgentTls, host: string, server: Server): Promise<TlsListener> {
  const options = { ...tls, hosts: [host], portVariable: 'NM_AGENT_TLS_PORT' };
  return TlsListener.open(options, (socket) => void server.emit('connection', socket)).catch((error: unknown) => {
    server.close();
    throw error;
  });
}

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

function refuse(socket: Duplex, status: string, fields = ''): void {
  if (!socket.writable) socket.destroy();
  else
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n${fields}Content-Length: 0\r\n\r\n`, () => socket.destroy());
}
