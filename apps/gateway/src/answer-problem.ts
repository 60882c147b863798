import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { discardUnread } from '@nm/adapters/proxy';
import { type Fault, problemContentType, toProblem } from '@nm/kernel/fault';

/**
 * answerProblem writes a fault as problem+json. The body of a 404 carries no request id: missing and forbidden must be byte-identical.
 */
export function answerProblem(
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault,
  requestId: string,
  close: boolean,
): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const body = Buffer.from(JSON.stringify(toProblem(fault, fault.code === 'not_found' ? undefined : requestId)));
  response.writeHead(fault.status, {
    'content-type': problemContentType,
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-request-id': requestId,
    ...(fault.status === 401 ? { 'www-authenticate': 'Bearer realm="nmachine"' } : {}),
    ...(fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) }),
    ...(close ? { connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  discardUnread(request);
}

/** responseOn makes an ordinary response for a socket that Node has handed over for an upgrade; the connection ends with it. */
export function responseOn(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  // An upgrade's socket is always a net.Socket; the type is wider for other transports.
  response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
  response.once('finish', () => socket.end());
  return response;
}
