import { type Exchange, host, pass, refuse } from '../exchange-row.js';

const post = 'POST /a HTTP/1.1';
const withFields = (lines: string, body = ''): string => `${post}\r\n${host}${lines}\r\n\r\n${body}`;

/** RFC 9112 §6; RFC 9110 §8.6. */
export const framing: readonly Exchange[] = [
  pass('a body of known length', withFields('Content-Length: 5', 'hello'), `${post} | 5:hello`),
  pass('a length with leading zeros', withFields('Content-Length: 005', 'hello'), `${post} | 5:hello`),
  pass('a length of zero', withFields('Content-Length: 0'), post),
  pass('white space around the length', withFields('content-length: \t5 ', 'hello'), `${post} | 5:hello`),
  pass(
    'a body with CRLFs that look like a request',
    withFields('Content-Length: 25', `GET /b HTTP/1.1\r\n${host.slice(0, 4)}\r\n\r\n`),
    `${post} | 25:GET /b HTTP/1.1\r\nHost\r\n\r\n`,
  ),
  pass(
    'all byte values in a body',
    withFields('Content-Length: 7', '\0\x01\r\n\x7f\x80\xff'),
    `${post} | 7:\0\x01\r\n\x7f\x80\xff`,
  ),
  pass('a POST without a length has no body', withFields('X-A: 1'), `${post} | X-A: 1`),
  pass('a GET with a body', `GET /a HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nab`, 'GET /a HTTP/1.1 | 2:ab'),
  pass('a DELETE with a body', `DELETE /a HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nab`, 'DELETE /a HTTP/1.1 | 2:ab'),
  pass(
    'an OPTIONS with a body',
    `OPTIONS /a HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nab`,
    'OPTIONS /a HTTP/1.1 | 2:ab',
  ),
  pass('a body on HTTP/1.0', `POST /a HTTP/1.0\r\n${host}Content-Length: 2\r\n\r\nab`, `${post} | 2:ab`, {
    ends: 'closed',
  }),
  ...[
    '-1',
    '+1',
    '0x1',
    '1e0',
    '1.0',
    '1 1',
    '1,1',
    '1, 1',
    '1;',
    '',
    ' ',
    '"1"',
    '١',
    '1_0',
    '\x0b1',
    '18446744073709551617',
    '9007199254740993',
  ].map((length) => refuse(`Content-Length: ${JSON.stringify(length)}`, withFields(`Content-Length: ${length}`, 'x'))),
  refuse('Content-Length twice, equal', withFields('Content-Length: 1\r\nContent-Length: 1', 'x')),
  refuse('Content-Length twice, unequal', withFields('Content-Length: 1\r\nContent-Length: 2', 'xx')),
  refuse('an empty Content-Length beside one', withFields('Content-Length:\r\nContent-Length: 1', 'x')),
  refuse(
    'Content-Length and Transfer-Encoding',
    withFields('Content-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
  ),
  refuse(
    'Transfer-Encoding and Content-Length',
    withFields('Transfer-Encoding: chunked\r\nContent-Length: 5', '0\r\n\r\n'),
  ),
  ...[
    'identity',
    'gzip',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, chunked',
    'chunked,',
    ',chunked',
    'xchunked',
    'chunkedx',
    '"chunked"',
    'chunked;q=1',
    'chun ked',
    '',
  ].map((coding) =>
    refuse(`Transfer-Encoding: ${JSON.stringify(coding)}`, withFields(`Transfer-Encoding: ${coding}`, '0\r\n\r\n')),
  ),
  refuse(
    'Transfer-Encoding twice',
    withFields('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
  ),
  refuse(
    'Transfer-Encoding split over two lines',
    withFields('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', '0\r\n\r\n'),
  ),
  refuse('Transfer-Encoding on HTTP/1.0', `POST /a HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  pass('a body that breaks off', withFields('Content-Length: 5', 'hel'), [], {
    broken: true,
    gets: [],
    ends: 'closed',
    fin: true,
    around: 'hel',
  }),
  pass('a head that breaks off', `${post}\r\n${host}X-A`, [], { gets: [], ends: 'closed', broken: true, fin: true }),
  pass("a whole request and then the client's FIN", withFields('Content-Length: 2', 'ab'), `${post} | 2:ab`, {
    fin: true,

    ends: 'closed',
  }),
];
