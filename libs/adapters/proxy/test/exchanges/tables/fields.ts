import { type Exchange, host, pass, refuse } from '../exchange-row.js';

const get = 'GET /a HTTP/1.1';
const one = (field: string): string => `${get}\r\n${host}${field}\r\n\r\n`;

/** RFC 9110 §5, §7.2, §7.6.1; RFC 9112 §5. */
export const fields: readonly Exchange[] = [
  pass(
    'names keep their case and order',
    one('x-CASE: Kept\r\nX-B: 1\r\nx-a: 2'),
    `${get} | x-CASE: Kept | X-B: 1 | x-a: 2`,
  ),
  pass(
    'repeated fields stay lines of their own',
    one('X-A: 1\r\nX-B: 0\r\nX-A: 2'),
    `${get} | X-A: 1 | X-B: 0 | X-A: 2`,
  ),
  pass('an empty value', one('X-A:'), `${get} | X-A: `),
  pass('white space around a value', one('X-A: \t b \t '), `${get} | X-A: b`),
  pass('no white space before a value', one('X-A:b'), `${get} | X-A: b`),
  pass('white space inside a value', one('X-A: b \t c'), `${get} | X-A: b \t c`),
  pass('every character of a token as a name', one("!#$%&'*+-.^_`|~09Az: 1"), `${get} | !#$%&'*+-.^_\`|~09Az: 1`),
  pass('bytes beyond ASCII in a value', one('X-A: \xe9\x80\xff'), `${get} | X-A: \xe9\x80\xff`),
  pass('colons and quotes in a value', one('X-A: a:b "c:d",e'), `${get} | X-A: a:b "c:d",e`),
  pass('cookies stay as they are', one('Cookie: a=1; b=2'), `${get} | Cookie: a=1; b=2`),
  pass('what the policy drops', one('Authorization: Bearer x\r\nX-A: 1'), `${get} | X-A: 1`),
  pass('Host with a port', `${get}\r\nHost: x:8080\r\n\r\n`, get),
  pass('Host as IPv6', `${get}\r\nHost: [::1]:8080\r\n\r\n`, get),
  pass('Host in the middle', `${get}\r\nX-A: 1\r\nhOST: x\r\nX-B: 2\r\n\r\n`, `${get} | X-A: 1 | X-B: 2`),
  refuse('no Host', `${get}\r\nX-A: 1\r\n\r\n`),
  refuse('two Hosts', `${get}\r\n${host}Host: y\r\n\r\n`),
  refuse('the same Host twice', `${get}\r\n${host}${host}\r\n`),
  refuse('an empty Host', `${get}\r\nHost:\r\n\r\n`),
  ...['a b', 'a/b', 'u@a', 'a, b', 'a:b', 'a:80:80', '[::1', 'a?b', 'a#b', 'a\\b', 'http://a', '\xe9', 'a:123456'].map(
    (name) => refuse(`Host: ${name}`, `${get}\r\nHost: ${name}\r\n\r\n`),
  ),
  refuse('a space before the colon', one('X-A : b')),
  refuse('a tab before the colon', one('X-A\t: b')),
  refuse('a space in a name', one('X A: b')),
  refuse('an empty name', one(': b')),
  refuse('no colon', one('X-A')),
  refuse('NUL in a name', one('X\0A: b')),
  refuse('a byte beyond ASCII in a name', one('X-\xc4: b')),
  ...[...'()<>@,;\\"/[]?={}'].map((letter) => refuse(`${letter} in a name`, one(`X${letter}A: b`))),
  ...[0x00, 0x01, 0x08, 0x0b, 0x0c, 0x1f, 0x7f].map((code) =>
    refuse(`control character ${code} in a value`, one(`X-A: b${String.fromCharCode(code)}c`)),
  ),
  refuse('a bare CR in a value', one('X-A: b\rc')),
  refuse('CR CR LF after a value', one('X-A: b\r')),
  refuse('a bare LF after a value', `${get}\r\n${host}X-A: b\nX-B: c\r\n\r\n`),
  refuse('a bare LF as the empty line', `${get}\r\n${host}\n`),
  refuse('obs-fold', one('X-A: b\r\n c')),
  refuse('obs-fold with a tab', one('X-A: b\r\n\tc')),
  refuse('obs-fold of the first field', `${get}\r\n Host: x\r\n\r\n`),
  refuse('a line of white space before the end', one('X-A: b\r\n ')),
  refuse('a pseudo-header of HTTP/2', one(':path: /b')),
];
