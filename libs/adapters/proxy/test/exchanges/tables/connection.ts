import { type Exchange, host, ok, okReply, pass, refuse } from '../exchange-row.js';

const get = 'GET /a HTTP/1.1';
const one = (lines: string, version = '1.1'): string => `GET /a HTTP/${version}\r\n${host}${lines}\r\n`;
const second = `GET /b HTTP/1.1\r\n${host}\r\n`;

/** RFC 9112 §9; RFC 9110 §7.6.1. */
export const connection: readonly Exchange[] = [
  pass('a connection goes on by itself', one(''), get),
  pass('close ends it', one('Connection: close\r\n'), get, { ends: 'closed' }),
  pass('close in any case, among others', one('Connection: a, CLOSE\r\n'), get, { ends: 'closed' }),
  pass('close in a second Connection field', one('Connection: a\r\nConnection: close\r\n'), get, { ends: 'closed' }),
  pass('HTTP/1.0 ends it', 'GET /a HTTP/1.0\r\n\r\n', get, { ends: 'closed' }),
  pass('HTTP/1.0 with keep-alive goes on', one('Connection: keep-alive\r\n', '1.0'), get),
  pass('HTTP/1.0 with keep-alive and close ends', one('Connection: keep-alive, close\r\n', '1.0'), get, {
    ends: 'closed',
  }),
  pass(
    'what Connection names stays here',
    one('Connection: X-Hop, x-other\r\nX-Hop: 1\r\nX-Other: 2\r\nX-A: 3\r\n'),
    `${get} | X-A: 3`,
  ),
  pass(
    'what a later Connection names stays here',
    one('X-Hop: 1\r\nX-A: 3\r\nConnection: x-hop\r\n'),
    `${get} | X-A: 3`,
  ),
  pass(
    'hop-by-hop fields stay here',
    one('Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nProxy-Authorization: a\r\nX-A: 1\r\n'),
    `${get} | X-A: 1`,
  ),
  pass(
    'Connection cannot name the length',
    `POST /a HTTP/1.1\r\n${host}Connection: content-length\r\nContent-Length: 2\r\n\r\nab`,
    'POST /a HTTP/1.1 | 2:ab',
  ),
  pass('Connection cannot name Host', one('Connection: host\r\n'), get),
  pass('empty elements of Connection', one('Connection: ,, X-Hop,\r\nX-Hop: 1\r\n'), get),
  refuse('Connection with a space inside an option', one('Connection: a b\r\n')),
  refuse('Connection with something else than tokens', one('Connection: "close"\r\n')),
  pass('nothing is read behind close', one('Connection: close\r\n') + second, get, { ends: 'closed' }),
  pass('nothing is read behind HTTP/1.0', `GET /a HTTP/1.0\r\n\r\n${second}`, get, { ends: 'closed' }),
  pass('the upstream closes, the client does not notice', one(''), get, {
    replies: [{ bytes: okReply, after: 'close' }],
  }),
  pass('the upstream says close, the client does not notice', one(''), get, {
    replies: [{ bytes: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok', after: 'close' }],
  }),
  pass('the upstream closes without a word', one(''), get, { replies: [{ bytes: '', after: 'close' }], gets: [502] }),
  pass('the upstream resets', one(''), get, { replies: [{ bytes: '', after: 'reset' }], gets: [502] }),
];

/** RFC 9112 §9.3.2. */
export const pipelining: readonly Exchange[] = [
  pass('two requests at once', one('') + second, [get, 'GET /b HTTP/1.1'], {
    replies: [
      { bytes: okReply, to: '/a' },
      { bytes: okReply.replace('ok', 'b2').replace('OK\r', 'Two\r'), to: '/b' },
    ],
    gets: [ok, '200 Two | 2:b2'],
  }),
  pass(
    'five requests at once',
    [1, 2, 3, 4, 5].map((n) => `GET /${n} HTTP/1.1\r\n${host}\r\n`).join(''),
    [1, 2, 3, 4, 5].map((n) => `GET /${n} HTTP/1.1`),
    { around: `GET /2 HTTP/1.1\r\n${host}\r\nGET` },
  ),
  pass(
    'a body and then a request',
    `POST /a HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nab${second}`,
    ['POST /a HTTP/1.1 | 2:ab', 'GET /b HTTP/1.1'],
    { around: '\r\n\r\nabGET /b' },
  ),
  pass(
    'chunks and then a request',
    `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n${second}`,
    ['POST /a HTTP/1.1 | chunked:ab', 'GET /b HTTP/1.1'],
    { around: 'ab\r\n0\r\n\r\nGET /b' },
  ),
  pass(
    'an empty line between two requests',
    `POST /a HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nab\r\n${second}`,
    ['POST /a HTTP/1.1 | 2:ab', 'GET /b HTTP/1.1'],
    { around: 'ab\r\nGET' },
  ),
  pass('a good request and then a bad one', `${one('')}GET /b HTTP/1.1\r\n\r\n`, get, {
    gets: [ok, 400],
    ends: 'closed',
    around: '\r\n\r\nGET /b',
  }),
  pass('a request and the start of the next', `${one('')}GET /b HT`, get, {
    fin: true,
    ends: 'closed',
    around: 'GET /b HT',
  }),
  pass('HEAD and then GET', `HEAD /a HTTP/1.1\r\n${host}\r\n${second}`, ['HEAD /a HTTP/1.1', 'GET /b HTTP/1.1'], {
    replies: [
      { bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', to: '/a' },
      { bytes: okReply, to: '/b' },
    ],
    gets: ['200 OK | Content-Length: 9', ok],
    around: '\r\n\r\nGET',
  }),
];
