import { answer, type Exchange, host, pass } from '../exchange-row.js';

const chunk = (bytes: string): string => `${bytes.length.toString(16)}\r\n${bytes}\r\n`;
const chunkedAnswer = (type: string, parts: readonly string[]): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n${parts.map(chunk).join('')}0\r\n\r\n`;

/** A gRPC frame: a byte of flags, the length in four, the message. */
const frame = (flags: number, message: string): string =>
  `${String.fromCharCode(flags, 0, 0, 0, message.length)}${message}`;
const call = frame(0, '\x08\x96\x01\xff\r\n');
const message = frame(0, '\n\x03\x00\xfe\x80');
/** PROTOCOL-WEB of gRPC: the trailers are the last frame of the content, marked by the highest bit. */
const webTrailers = frame(0x80, 'grpc-status:0\r\n');
const events = 'id: 1\ndata: a\n\n: still here\n\nevent: end\ndata: b\n\n';

/** Protocols that an engine must not know: their bytes pass as they are. */
export const streamsOfMessages: readonly Exchange[] = [
  pass(
    'gRPC-web, binary',
    `POST /pkg.Service/Call HTTP/1.1\r\n${host}Content-Type: application/grpc-web+proto\r\nX-Grpc-Web: 1\r\nContent-Length: ${call.length}\r\n\r\n${call}`,
    `POST /pkg.Service/Call HTTP/1.1 | Content-Type: application/grpc-web+proto | X-Grpc-Web: 1 | ${call.length}:${call}`,
    {
      reply: chunkedAnswer('application/grpc-web+proto', [message, webTrailers]),
      gets: [`200 OK | Content-Type: application/grpc-web+proto | chunked:${message}${webTrailers}`],
    },
  ),
  answer('gRPC-web, binary, the answer', chunkedAnswer('application/grpc-web+proto', [message, webTrailers]), [
    `200 OK | Content-Type: application/grpc-web+proto | chunked:${message}${webTrailers}`,
  ]),
  answer(
    'gRPC-web as text, padded between frames',
    chunkedAnswer('application/grpc-web-text', ['AAAAAAMKAf4=', 'gAAAAA9ncnBjLXN0YXR1czowDQo=']),
    ['200 OK | Content-Type: application/grpc-web-text | chunked:AAAAAAMKAf4=gAAAAA9ncnBjLXN0YXR1czowDQo='],
  ),
  answer('server-sent events', chunkedAnswer('text/event-stream', [events.slice(0, 9), events.slice(9)]), [
    `200 OK | Content-Type: text/event-stream | chunked:${events}`,
  ]),
];
