import { type Exchange, host, ok, okReply, pass, refuse } from '../exchange-row.js';

const ask = (more = '', protocol = 'websocket'): string =>
  `GET /a HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n${more}\r\n`;
const accept =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n';
const sees = 'GET /a HTTP/1.1 | Upgrade: websocket';
const switched = '101 Switching Protocols | Sec-WebSocket-Accept: x | Upgrade: websocket';
const tunnel = { expect: 'ping', answer: 'pong' };
const post = (fields: string): string => `POST /a HTTP/1.1\r\n${host}${fields}\r\n`;

/** RFC 9110 §7.8. */
export const upgrades: readonly Exchange[] = [
  pass('a tunnel carries bytes both ways', [ask(), 'Accept: x', 'ping'], [sees, 'tunnel:ping'], {
    replies: [{ bytes: accept, tunnel }],
    gets: [switched, 'tunnel:pong'],
    ends: 'closed',
  }),
  pass('bytes sent with the request belong to the tunnel', `${ask()}ping`, [sees, 'tunnel:ping'], {
    replies: [{ bytes: accept, tunnel }],
    gets: [switched, 'tunnel:pong'],
    ends: 'closed',
  }),
  pass(
    'bytes that look like a request belong to the tunnel',
    `${ask()}GET / HTTP/1.1\r\n\r\n`,
    [sees, 'tunnel:GET / HTTP/1.1\r\n\r\n'],
    {
      replies: [{ bytes: accept, tunnel: { expect: 'GET / HTTP/1.1\r\n\r\n', answer: 'HTTP/1.1 200 OK\r\n\r\n' } }],
      gets: [switched, 'tunnel:HTTP/1.1 200 OK\r\n\r\n'],
      ends: 'closed',
      around: '\r\n\r\nGET',
    },
  ),
  pass('the upstream may decline', ask(), sees, {
    reply: 'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno',
    gets: ['403 No | 2:no'],
  }),
  pass(
    'Upgrade without Connection is not passed on',
    `GET /a HTTP/1.1\r\n${host}Upgrade: websocket\r\n\r\n`,
    'GET /a HTTP/1.1',
  ),
  pass(
    'Upgrade on HTTP/1.0 is not passed on',
    `GET /a HTTP/1.0\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    'GET /a HTTP/1.1',
    { ends: 'closed' },
  ),
  pass(
    'h2c is not passed on',
    `GET /a HTTP/1.1\r\n${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    'GET /a HTTP/1.1',
  ),
  pass('a 101 that nobody asked for', `GET /a HTTP/1.1\r\n${host}\r\n`, 'GET /a HTTP/1.1', {
    reply: accept,
    gets: [502],
  }),
];

const hundred = 'HTTP/1.1 100 Continue';
const expects = post('Expect: 100-continue\r\nContent-Length: 5\r\n');

/** RFC 9110 §10.1.1, §15.2. */
export const interim: readonly Exchange[] = [
  pass(
    'Expect: 100-continue is answered, then the body passes',
    [expects, hundred, 'hello'],
    'POST /a HTTP/1.1 | 5:hello',
    { gets: ['100 Continue', ok] },
  ),
  pass(
    'Expect behind another request waits for its answer',
    [`GET /a HTTP/1.1\r\n${host}\r\n${expects}`, hundred, 'hello'],
    ['GET /a HTTP/1.1', 'POST /a HTTP/1.1 | 5:hello'],
    { gets: [ok, '100 Continue', ok], around: 'Expect' },
  ),
  pass(
    'Expect in another case',
    [post('expect: 100-CONTINUE\r\nContent-Length: 5\r\n'), hundred, 'hello'],
    'POST /a HTTP/1.1 | 5:hello',
    { gets: ['100 Continue', ok] },
  ),
  pass(
    'Expect with chunks',
    [post('Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n'), hundred, '2\r\nhi\r\n0\r\n\r\n'],
    'POST /a HTTP/1.1 | chunked:hi',
    { gets: ['100 Continue', ok] },
  ),
  pass(
    'Expect without a body asks for nothing',
    `GET /a HTTP/1.1\r\n${host}Expect: 100-continue\r\n\r\n`,
    'GET /a HTTP/1.1',
  ),
  pass(
    'Expect on HTTP/1.0 is ignored',
    `POST /a HTTP/1.0\r\n${host}Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi`,
    'POST /a HTTP/1.1 | 2:hi',
    { ends: 'closed' },
  ),
  refuse('an expectation that nobody knows', post('Expect: cake\r\nContent-Length: 0\r\n')),
  pass('103 Early Hints passes', `GET /a HTTP/1.1\r\n${host}\r\n`, 'GET /a HTTP/1.1', {
    reply: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${okReply}`,
    gets: ['103 Early Hints | Link: </a>', ok],
    split: 'reply',
  }),
  pass('several interim answers', `GET /a HTTP/1.1\r\n${host}\r\n`, 'GET /a HTTP/1.1', {
    reply: `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${okReply}`,
    gets: ['102 Processing', '103 Early Hints | Link: </a>', ok],
    split: 'reply',
  }),
  pass('no interim answer for HTTP/1.0', 'GET /a HTTP/1.0\r\n\r\n', 'GET /a HTTP/1.1', {
    reply: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${okReply}`,
    ends: 'closed',
  }),
  pass('a 100 that nobody asked for stays here', `GET /a HTTP/1.1\r\n${host}\r\n`, 'GET /a HTTP/1.1', {
    reply: `HTTP/1.1 100 Continue\r\n\r\n${okReply}`,
    split: 'reply',
  }),
];

const large = post('Content-Length: 1000000\r\n');

/** RFC 9112 §9.3, §9.5: an answer before the end of the request. */
export const early: readonly Exchange[] = [
  pass('an answer before the body has come', [`${large}start`, '413', ''], 'POST /a HTTP/1.1 | early', {
    replies: [{ bytes: 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno', early: true }],
    gets: ['413 Too Large | 2:no'],
    ends: 'closed',
    around: 'start',
  }),
  pass(
    'an answer before the body has come, and the upstream closes',
    [`${large}start`, '413', ''],
    'POST /a HTTP/1.1 | early',
    {
      replies: [
        {
          bytes: 'HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno',
          early: true,
          after: 'close',
        },
      ],
      gets: ['413 Too Large | 2:no'],
      ends: 'closed',
      around: 'start',
    },
  ),
  pass(
    'an answer before small chunks have come',
    [`${post('Transfer-Encoding: chunked\r\n')}2\r\nhi`, '200', '\r\n0\r\n\r\n'],
    'POST /a HTTP/1.1 | early',
    {
      replies: [{ bytes: okReply, early: true }],
      around: '2\r\nhi',
    },
  ),
  refuse('an answer of our own before the body', `POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello`),
];
