import { answer, type Exchange, host, okReply, pass } from '../exchange-row.js';

const head = `HEAD /a HTTP/1.1\r\n${host}\r\n`;
const chunkedReply = (body: string): string => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
/** Nothing of it may reach the client as an answer; the connection may go on, because the engine answers itself. */
const broken = (name: string, reply: string): Exchange =>
  answer(name, reply, [502], { replies: [{ bytes: reply, after: 'close' }] });
/** The answer has begun: it can only be cut, so that nobody takes it for whole. */
const cut = (name: string, reply: string): Exchange =>
  answer(name, reply, [], { ends: 'closed', broken: true, replies: [{ bytes: reply, after: 'close' }] });

/** RFC 9110 §6.4.1, §9.3.2, §15; RFC 9112 §6.3. */
export const bodiless: readonly Exchange[] = [
  answer(
    'HEAD keeps the length and has no body',
    'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n',
    ['200 OK | Content-Length: 999'],
    { send: head, sees: ['HEAD /a HTTP/1.1'] },
  ),
  answer('HEAD of a chunked answer', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', ['200 OK'], {
    send: head,
    sees: ['HEAD /a HTTP/1.1'],
  }),
  answer('HEAD without any length', 'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n', ['200 OK | X-A: 1'], {
    send: head,
    sees: ['HEAD /a HTTP/1.1'],
  }),
  answer('204 has no body', 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n', ['204 No Content | X-A: 1']),
  answer('304 has no body', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', ['304 Not Modified | ETag: "x"']),
  answer('304 keeps the length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 999\r\n\r\n', [
    '304 Not Modified | Content-Length: 999',
  ]),
  answer('205 with an empty body', 'HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n', ['205 Reset | 0:']),
  answer('an empty body', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', ['404 Not Found | 0:']),
];

/** RFC 9112 §7.1.2, RFC 9110 §6.5. */
export const trailers: readonly Exchange[] = [
  pass(
    'trailers of a request',
    `POST /a HTTP/1.1\r\n${host}Trailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\nx-u: 2\r\n\r\n`,
    'POST /a HTTP/1.1 | Trailer: X-T | chunked:hi | trailer X-T: 1 | trailer x-u: 2',
    { around: '0\r\nX-T: 1\r\nx-u: 2\r\n\r\n' },
  ),
  answer(
    'trailers of an answer',
    chunkedReply('2\r\nhi\r\n0\r\ngrpc-status: 0\r\nX-T: 1\r\n\r\n'),
    ['200 OK | chunked:hi | trailer grpc-status: 0 | trailer X-T: 1'],
    { send: `GET /a HTTP/1.1\r\n${host}TE: trailers\r\n\r\n` },
  ),
  pass(
    'framing fields in trailers do not pass',
    `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nContent-Length: 9\r\nX-T: 1\r\n\r\n`,
    [],
    { broken: true, gets: [400], ends: 'closed', around: '0\r\nContent-Length: 9\r\nX-T: 1\r\n\r\n' },
  ),
  pass(
    'Host in trailers does not pass',
    `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nHost: y\r\n\r\n`,
    [],
    { broken: true, gets: [400], ends: 'closed', around: '0\r\nHost: y\r\n\r\n' },
  ),
];

/** RFC 9112 §6.3 item 8. */
export const closeDelimited: readonly Exchange[] = [
  answer(
    'a body that ends with the connection',
    'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nhello',
    ['200 OK | X-A: 1 | any:hello'],
    { replies: [{ bytes: 'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nhello', after: 'close' }], ends: 'open' },
  ),
  answer('from HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nhello', ['200 OK | any:hello'], {
    replies: [{ bytes: 'HTTP/1.0 200 OK\r\n\r\nhello', after: 'close' }],
  }),
  answer('without a byte', 'HTTP/1.1 200 OK\r\n\r\n', ['200 OK | any:'], {
    replies: [{ bytes: 'HTTP/1.1 200 OK\r\n\r\n', after: 'close' }],
  }),
  answer('to an HTTP/1.0 client', 'HTTP/1.1 200 OK\r\n\r\nhello', ['200 OK | close:hello'], {
    send: 'GET /a HTTP/1.0\r\n\r\n',
    ends: 'closed',
    replies: [{ bytes: 'HTTP/1.1 200 OK\r\n\r\nhello', after: 'close' }],
  }),
  answer('chunks to an HTTP/1.0 client', chunkedReply('5\r\nhello\r\n0\r\n\r\n'), ['200 OK | close:hello'], {
    send: 'GET /a HTTP/1.0\r\n\r\n',
    ends: 'closed',
  }),
];

/** RFC 9112 §4, §6, §7.1, on the way back. */
export const answers: readonly Exchange[] = [
  answer('a body of known length', okReply, ['200 OK | 2:ok']),
  answer('chunks', chunkedReply('2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n'), ['200 OK | chunked:hello']),
  answer(
    'fields in case and order, hop-by-hop ones gone',
    'HTTP/1.1 200 OK\r\nx-CASE: a\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nX-Secret: 1\r\nContent-Length: 0\r\n\r\n',
    ['200 OK | x-CASE: a | Set-Cookie: a=1 | Set-Cookie: b=2 | 0:'],
  ),
  answer('any reason, also none', 'HTTP/1.1 299 It (is) "fine": ok\r\nContent-Length: 0\r\n\r\n', [
    '299 It (is) "fine": ok | 0:',
  ]),
  answer('an empty reason', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', ['200 | 0:']),
  answer('bytes beyond ASCII in a value', 'HTTP/1.1 200 OK\r\nX-A: \xe9\xff\r\nContent-Length: 0\r\n\r\n', [
    '200 OK | X-A: \xe9\xff | 0:',
  ]),
  answer('an error of the upstream', 'HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno', ['500 Oh | 2:no']),
  broken('no HTTP', 'SSH-2.0-nope\r\n'),
  broken('HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'),
  broken('a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'),
  broken('a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'),
  broken('NUL in the reason', 'HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n'),
  broken('a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'),
  broken('a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'),
  broken('obs-fold', 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n'),
  broken('a control character in a value', 'HTTP/1.1 200 OK\r\nX-A: b\x01\r\nContent-Length: 0\r\n\r\n'),
  broken('Content-Length twice', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokX'),
  broken('Content-Length list', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok'),
  broken('a negative Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok'),
  broken(
    'Content-Length and Transfer-Encoding',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ),
  broken('Transfer-Encoding: gzip', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok'),
  broken(
    'Transfer-Encoding: gzip, chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ),
  broken('Transfer-Encoding on HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'),
  broken('half a head', 'HTTP/1.1 200 OK\r\nContent-Le'),
  cut('a body that breaks off', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
  cut('chunks that break off', chunkedReply('9\r\nhalf')),
  cut('chunks without the last one', chunkedReply('4\r\nhalf\r\n')),
  cut('a chunk size that is none', chunkedReply('4\r\nhalf\r\nx\r\n')),
  cut('chunk data without its end', chunkedReply('4\r\nhalfX\r\n0\r\n\r\n')),
  cut('a chunk size of 2^64 + 4', chunkedReply('10000000000000004\r\nhalf\r\n0\r\n\r\n')),
  answer("bytes behind the answer are nobody's", `${okReply}HTTP/1.1 200 Ghost\r\nContent-Length: 5\r\n\r\nghost`, [
    '200 OK | 2:ok',
  ]),
];
