import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Server as NetServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Fault, invariant } from '@nm/kernel/fault';
import type {
  CutStyle,
  Engine,
  EngineCounts,
  EngineOptions,
  ListenOptions,
  OpenExchange,
  Policy,
} from '../exchange.js';
import { listenOn } from '../listen.js';
import { TlsListener, type TlsListenOptions } from '../tls-listener.js';
import { TrustedPeers } from '../trusted-peers.js';
import { checkFraming } from './framing.js';
import { Pools } from './pools.js';
import { type ServeContext, serve, serveUpgrade } from './serve.js';
import { Turns } from './turns.js';
import { rawAnswer, responseOn, writeAnswer } from './write-answer.js';

/** Longer than the 60 s of common load balancers, so that they and not we close an idle connection. */
const keepAliveMs = 65_000;

/** NodeHttpEngine takes requests from node:http and sends them with an undici pool per origin. */
export class NodeHttpEngine<Tag> implements Engine<Tag> {
  readonly #options: EngineOptions;
  readonly #pools: Pools;
  readonly #open = new Set<OpenExchange<Tag>>();
  readonly #sockets = new Set<Socket>();
  readonly #servers: Server[] = [];
  readonly #tlsServers: NetServer[] = [];
  #tls: TlsListener | undefined;
  #closing = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#pools = new Pools(options);
  }

  get open(): ReadonlySet<OpenExchange<Tag>> {
    return this.#open;
  }

  counts(): EngineCounts {
    const working = [...this.#open].filter(({ kind }) => kind === 'request').length;
    return { clients: this.#sockets.size, upstreams: this.#pools.size, working };
  }

  async listen({ hosts, port, policy, sharePort }: ListenOptions<Tag>): Promise<number> {
    const context: ServeContext<Tag> = {
      policy,
      trusted: new TrustedPeers(this.#options.trustedPeers),
      dispatcherOf: (target) => target.connector?.dispatcher ?? this.#pools.of(target.origin),
      headMs: this.#options.headMs,
      idleMs: this.#options.idleMs,
      pseudonym: this.#options.pseudonym,
      headersMs: this.#options.headersMs,
      open: this.#open,
      closing: () => this.#closing,
    };
    let chosen = port;
    for (const host of hosts) {
      const server = makeServer(context);
      // Node forgets a socket once it was upgraded; a drain must not.
      server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
      });
      try {
        chosen = await listenOn(server, host, chosen, sharePort);
      } catch (error) {
        for (const other of this.#servers.splice(0)) other.close();
        throw error;
      }
      this.#servers.push(server);
    }
    return chosen;
  }

  async listenTls(options: TlsListenOptions): Promise<number> {
    const [first] = this.#servers;
    invariant(first, 'listen comes before listenTls');
    const listener = await TlsListener.open(options, (socket) => void first.emit('connection', socket));
    this.#tlsServers.push(...listener.servers);
    this.#tls = listener;
    return listener.port;
  }

  cut(reason: Fault, affected: (exchange: OpenExchange<Tag>) => boolean, style: CutStyle = 'now'): number {
    const hit = [...this.#open].filter(affected);
    for (const exchange of hit) exchange.cut(reason, style);
    return hit.length;
  }

  beginDrain(): void {
    this.#closing = true;
  }

  async closeListeners(): Promise<void> {
    const servers = [...this.#servers, ...this.#tlsServers];
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): Promise<void> {
    this.#tls?.close();
    return this.#pools.close();
  }
}

function makeServer<Tag>(context: ServeContext<Tag>): Server {
  const { policy } = context;
  /** Connections whose last answer is written: what the parser finds behind it gets none. */
  const refused = new WeakSet<Duplex>();
  const turns = new Turns();
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    // Pipelined behind bytes that were refused: perhaps they were its body.
    if (refused.has(request.socket)) return;
    const fault = framingFault(request);
    if (fault) {
      refused.add(request.socket);
      return void writeAnswer(request, response, policy.refuse(fault), true);
    }
    turns.take(request.socket, response, () => void serve(context, request, response));
  };
  const server = createServer({
    keepAliveTimeout: keepAliveMs,
    headersTimeout: context.headMs,
    connectionsCheckingInterval: Math.min(context.headMs, 10_000),
    // Uploads may take longer than any fixed time; the engine watches for silence instead.
    requestTimeout: 0,
    shouldUpgradeCallback,
    // checkFraming asks for it: Node would answer on its own, and go on with what is behind.
    requireHostHeader: false,
  });
  server.maxHeadersCount = 0;
  server.on('request', handle);
  // The body is asked for when the upstream wants it, so a denied client sends none.
  server.on('checkContinue', handle);
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const fault = new Fault('bad_request', { public: 'Only "Expect: 100-continue" is known.' });
    writeAnswer(request, response, policy.refuse(fault), true);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    if (refused.has(socket)) return;
    const fault = framingFault(request) ?? bodyFault(request);
    if (fault) return writeAnswer(request, responseOn(request, socket), policy.refuse(fault), true);
    void serveUpgrade(context, request, socket, head);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (!refused.has(socket)) answerClientError(policy, error, socket);
  });
  return server;
}

/** Offers of HTTP/2 in clear text, and any on HTTP/1.0, are declined by answering in HTTP/1.1 (RFC 9110 §7.8). */
const shouldUpgradeCallback = ({ httpVersion, headers }: IncomingMessage): boolean =>
  httpVersion === '1.1' && !/^h2c\b/i.test(headers.upgrade ?? '');

function framingFault(request: IncomingMessage): Fault | undefined {
  const found = checkFraming(request);
  if (!found) return undefined;
  const text = `The request is not valid HTTP: ${found.reason}.`;
  return new Fault(found.status === 431 ? 'headers_too_large' : 'bad_request', { public: text });
}

/** Where would the body end and the new protocol begin? */
const bodyFault = ({ headers }: IncomingMessage): Fault | undefined =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
    ? new Fault('bad_request', { public: 'A request that switches protocols has no body.' })
    : undefined;

/** answerClientError answers what Node's parser refused; there is no request object then. */
function answerClientError<Tag>(policy: Policy<Tag>, error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const overflow = error.code === 'HPE_HEADER_OVERFLOW';
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const fault = new Fault(overflow ? 'headers_too_large' : late ? 'body_timeout' : 'bad_request');
  socket.end(rawAnswer(policy.refuse(fault)));
}
