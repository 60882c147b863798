import { createServer, type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkFraming } from '@nm/adapters/proxy';
import { isDataPlane } from '@nm/features/routing';
import { Fault, toProblem } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { answerProblem, responseOn } from './answer-problem.js';
import type { DataPlane } from './data-plane.js';

/** From the first byte of a request to the end of its head: a slow head holds a connection for nothing. */
const headTimeoutMs = 30_000;
/** Longer than the 60 s of common load balancers, so that they and not we close an idle connection. */
const keepAliveMs = 65_000;

export interface HttpServersOptions {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly dataPlane: DataPlane;
  /** Everything that is not data plane. */
  readonly own: RequestListener;
}

export interface HttpServers {
  readonly port: number;
  /** closeListeners stops accepting; resolves when the last connection is gone. */
  closeListeners(): Promise<void>;
  /** cutConnections drops what is left. */
  cutConnections(): void;
}

/** startHttpServers listens on every address, with one port; a port of 0 is chosen by the first. */
export async function startHttpServers(options: HttpServersOptions): Promise<HttpServers> {
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  let port = options.port;
  for (const host of options.hosts) {
    const server = makeServer(options);
    // Node forgets a socket once it was upgraded; a drain must not.
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    try {
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
    } catch (cause) {
      for (const other of servers) other.close();
      throw listenFault(host, port, cause as NodeJS.ErrnoException);
    }
    port = (server.address() as AddressInfo).port;
    servers.push(server);
  }
  return {
    port,
    closeListeners: async () => {
      await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
    },
    cutConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function listenFault(host: string, port: number, cause: NodeJS.ErrnoException): Fault {
  const reason = cause.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${cause.code})`;
  return new Fault('config_invalid', {
    public: `The address ${host}:${port} ${reason}. Set NM_GATEWAY_PORT or NM_GATEWAY_HOST to one that is free.`,
    cause,
  });
}

function makeServer({ dataPlane, own }: HttpServersOptions): Server {
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const fault = framingFault(request);
    if (fault) return void answerProblem(request, response, fault, newId('request'), true);
    if (isDataPlane(request.url ?? '')) return void dataPlane.handle(request, response);
    own(request, response);
  };
  const server = createServer({
    keepAliveTimeout: keepAliveMs,
    headersTimeout: headTimeoutMs,
    // Uploads may take longer than any fixed time; the engine watches for silence instead.
    requestTimeout: 0,
    shouldUpgradeCallback,
  });
  server.maxHeadersCount = 0;
  server.on('request', handle);
  // The body is asked for when the upstream wants it, so a denied client sends none.
  server.on('checkContinue', handle);
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) =>
    answerProblem(
      request,
      response,
      new Fault('bad_request', { public: 'Only "Expect: 100-continue" is known.' }),
      newId('request'),
      true,
    ),
  );
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    const fault = framingFault(request) ?? bodyFault(request);
    if (fault) return answerProblem(request, responseOn(request, socket), fault, newId('request'), true);
    if (isDataPlane(request.url ?? '')) return void dataPlane.handleUpgrade(request, socket, head);
    answerProblem(request, responseOn(request, socket), new Fault('upgrade_not_supported'), newId('request'), true);
  });
  server.on('clientError', answerClientError);
  return server;
}

/** Offers of HTTP/2 in clear text are declined by answering in HTTP/1.1 (RFC 9110 §7.8). */
const shouldUpgradeCallback = (request: IncomingMessage): boolean => !/^h2c\b/i.test(request.headers.upgrade ?? '');

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
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const overflow = error.code === 'HPE_HEADER_OVERFLOW';
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const fault = new Fault(overflow ? 'headers_too_large' : late ? 'body_timeout' : 'bad_request');
  const body = JSON.stringify(toProblem(fault));
  socket.end(
    `HTTP/1.1 ${fault.status} ${fault.entry.title}\r\nConnection: close\r\nContent-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
