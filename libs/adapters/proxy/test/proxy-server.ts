import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { ProxyEngine } from '../engine.js';
import type { Outcome, Plan, Target } from '../exchange.js';
import { checkFraming } from '../framing.js';
import { endToEnd } from '../headers.js';
import type { ProxyTimeouts } from '../pools.js';

export interface ProxyServer {
  readonly port: number;
  readonly url: string;
  readonly engine: ProxyEngine<string>;
  readonly outcomes: Outcome[];
  readonly server: Server;
  close(): Promise<void>;
}

/** startProxy is the smallest server around the engine: everything goes to one origin, faults become their status and code. */
export async function startProxy(
  origin: () => string,
  timeouts: Partial<ProxyTimeouts> = {},
  redial?: () => Promise<Target | undefined>,
): Promise<ProxyServer> {
  const engine = new ProxyEngine<string>(timeouts);
  const outcomes: Outcome[] = [];
  const planOf = (rawHeaders: string[], url: string): Plan<string> => ({
    target: { origin: origin(), path: url },
    headers: endToEnd(rawHeaders, (name) => name === 'host' || name === 'authorization'),
    tag: url,
    addToAnswer: () => ['X-Added', '1'],
    dropFromAnswer: (name) => name === 'x-secret',
    ...(redial ? { redial } : {}),
  });
  const server = createServer({ requestTimeout: 0 });
  server.maxHeadersCount = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const bad = checkFraming(request);
    if (bad) {
      response.writeHead(bad.status, { connection: 'close' }).end(bad.reason);
      return;
    }
    const outcome = await engine.forward(request, response, planOf(request.rawHeaders, request.url ?? ''));
    outcomes.push(outcome);
    const { fault, status } = outcome;
    if (fault && status === 0 && !response.destroyed)
      response.writeHead(fault.status, { 'content-length': fault.code.length }).end(fault.code);
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => void answer(request, response);
  server.on('request', onRequest).on('checkContinue', onRequest);
  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const outcome = await engine.tunnel(request, socket, head, planOf(request.rawHeaders, request.url ?? ''));
    outcomes.push(outcome);
    const status = outcome.refusal?.status ?? outcome.fault?.status;
    if (status !== undefined && outcome.status === 0) socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\n\r\n`);
  };
  server.on('upgrade', (request, socket, head) => void upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    engine,
    outcomes,
    server,
    close: async () => {
      server.closeAllConnections();
      await engine.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
