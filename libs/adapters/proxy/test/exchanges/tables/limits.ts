import { type Exchange, host, pass, refuse } from '../exchange-row.js';

const get = 'GET /a HTTP/1.1';

/** Bounds on everything (RFC 9110 §15.5.15, §15.5.32; RFC 9112 §2.5); long rows are cut only near their ends. */
export const limits: readonly Exchange[] = [
  pass('a target of 4 KiB', `GET /${'a'.repeat(4096)} HTTP/1.1\r\n${host}\r\n`, `GET /${'a'.repeat(4096)} HTTP/1.1`, {
    around: 'a HTTP/1.1\r\n',
  }),
  pass('a field of 4 KiB', `${get}\r\n${host}X-A: ${'a'.repeat(4096)}\r\n\r\n`, `${get} | X-A: ${'a'.repeat(4096)}`, {
    around: 'a\r\n\r\n',
  }),
  pass('sixty fields', `${get}\r\n${host}${'X-A: 1\r\n'.repeat(60)}\r\n`, `${get}${' | X-A: 1'.repeat(60)}`, {
    around: '\r\n\r\n',
  }),
  refuse('a hundred fields too many', `${get}\r\n${host}${'X-A: 1\r\n'.repeat(200)}\r\n`, {
    gets: [431],
    around: '\r\n\r\n',
  }),
  refuse('a head of 80 KiB', `${get}\r\n${host}X-A: ${'a'.repeat(80_000)}\r\n\r\n`, {
    gets: [431],
    around: '\r\n\r\n',
  }),
  refuse('a request line of 80 KiB', `GET /${'a'.repeat(80_000)} HTTP/1.1\r\n${host}\r\n`, {
    gets: [414],
    around: '\r\n\r\n',
  }),
  refuse('a method of 10 KiB', `${'A'.repeat(10_000)} / HTTP/1.1\r\n${host}\r\n`, { gets: [414], around: '\r\n\r\n' }),
  refuse(
    'a chunk extension of 80 KiB',
    `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n2;a=${'b'.repeat(80_000)}\r\nhi\r\n0\r\n\r\n`,
    { broken: true, around: '0\r\n\r\n' },
  ),
  refuse(
    'trailers of 80 KiB',
    `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: ${'b'.repeat(80_000)}\r\n\r\n`,
    { broken: true, around: 'b\r\n\r\n' },
  ),
];
