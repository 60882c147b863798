import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Answer } from '../exchange.js';
import { pairsOf } from '../field-lines.js';
import { discardUnread } from './request-body.js';

/** writeAnswer sends an answer of the policy's own. */
export function writeAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer, close: boolean): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const fields = pairsOf(answer.fields);
  fields.push('Content-Length', String(answer.body.length));
  if (close) fields.push('Connection', 'close');
  // The reason is named: a failed writeHead leaves the upstream's behind, and a bad one would fail again.
  response.writeHead(answer.status, STATUS_CODES[answer.status] ?? '', fields);
  response.end(request.method === 'HEAD' ? undefined : answer.body);
  discardUnread(request);
}

/** rawAnswer is an answer for a socket without a request; the connection ends with it. */
export const rawAnswer = ({ status, fields, body }: Answer): Buffer =>
  Buffer.concat([
    Buffer.from(
      `HTTP/1.1 ${status} \r\n${fields}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
      'latin1',
    ),
    body,
  ]);

/** responseOn makes an ordinary response for a socket that Node has handed over for an upgrade; the connection ends with it. */
export function responseOn(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  // An upgrade's socket is always a net.Socket; the type is wider for other transports.
  response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
  response.once('finish', () => socket.end());
  return response;
}
