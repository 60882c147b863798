import { describe, expect, it } from 'vitest';
import type { Reading } from './reading.js';
import { readRequest, readRequestHead } from './request.js';
import { readResponse } from './response.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const request = (text: string) => readRequest(bytes(text));
const response = (text: string, method = 'GET', ended = false) => readResponse(bytes(text), { method, ended });
const reasonOf = (reading: Reading<unknown>): string =>
  reading.verdict === 'refuse' ? reading.reason : reading.verdict;
const host = 'Host: x\r\n';
const chunked = `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`;

describe('the reference parser reads requests', () => {
  it('with every part, and leaves what follows', () => {
    const read = request(`\r\nPOST /a?b HTTP/1.1\r\n${host}X-A: \t1 2\t \r\nContent-Length: 3\r\n\r\nabcGET`);
    expect(read).toMatchObject({
      verdict: 'accept',
      message: { method: 'POST', target: '/a?b', version: '1.1', body: bytes('abc'), trailers: [], persistent: true },
      rest: bytes('GET'),
    });
    expect(read.verdict === 'accept' && read.message.fields).toContainEqual({ name: 'X-A', value: '1 2' });
  });

  it('with chunks, extensions and trailers', () => {
    const extensions = ';a;b=c ; d="e;\\""';
    const read = request(`${chunked}3${extensions}\r\nabc\r\n0A\r\n0123456789\r\n000;x\r\nT: 1\r\n\r\nrest`);
    expect(read).toMatchObject({
      verdict: 'accept',
      message: { body: bytes('abc0123456789'), trailers: [{ name: 'T', value: '1' }] },
      rest: bytes('rest'),
    });
  });

  it('knows when a connection may go on, and an upgrade that was asked for properly', () => {
    const of = (version: string, fields: string) =>
      readRequestHead(bytes(`GET / HTTP/${version}\r\n${host}${fields}\r\n`));
    expect(of('1.0', '')).toMatchObject({ message: { persistent: false } });
    expect(of('1.0', 'Connection: Keep-Alive\r\n')).toMatchObject({ message: { persistent: true } });
    expect(of('1.1', 'Connection: a,, CLOSE\r\n')).toMatchObject({ message: { persistent: false } });
    expect(of('1.1', 'Connection: Upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n')).toMatchObject({
      message: { upgrade: 'a, b' },
    });
    expect(of('1.0', 'Connection: Upgrade\r\nUpgrade: a\r\n')).not.toHaveProperty('message.upgrade');
    expect(of('1.1', 'Upgrade: a\r\n')).not.toHaveProperty('message.upgrade');
  });

  it.each([
    ['GET / HTTP/1.0\r\n\r\n'],
    ['OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['GET http://X:80/a HTTP/1.1\r\nHost: x:80\r\n\r\n'],
    ['GET http://x?q HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['GET / HTTP/1.1\r\nHost: [::1]:8\r\n\r\n'],
    ['BREW / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 000\r\n\r\n'],
    [`${chunked}0\r\n\r\n`],
  ])('accepts %j', (text) => expect(request(text).verdict).toBe('accept'));

  it.each([
    ['GET / HTTP/1.1\nHost: x\r\n\r\n', 'LF without CR'],
    ['GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n', 'CR without LF'],
    ['GET  / HTTP/1.1\r\n', 'three words'],
    ['GET /\r\n', 'three words'],
    ['G@T / HTTP/1.1\r\n', 'method'],
    ['GET /\x7f HTTP/1.1\r\n', 'target'],
    ['GET /\xe9 HTTP/1.1\r\n', 'target'],
    ['GET /#a HTTP/1.1\r\n', 'target'],
    ['GET / HTTP/2.0\r\n', 'neither'],
    ['GET / http/1.1\r\n', 'neither'],
    ['GET / HTTP/1.1\r\n\r\n', 'no Host'],
    ['GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n', 'more than one Host'],
    ['GET / HTTP/1.1\r\nHost:\r\n\r\n', 'no host'],
    ['GET / HTTP/1.0\r\nHost: a b\r\n\r\n', 'no host'],
    ['GET * HTTP/1.1\r\nHost: x\r\n\r\n', 'asterisk'],
    ['CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n', 'CONNECT'],
    ['GET x HTTP/1.1\r\nHost: x\r\n\r\n', 'four forms'],
    ['GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n', 'two authorities'],
    ['GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n', 'malformed authority'],
    [`GET / HTTP/1.1\r\n A: b\r\n`, 'begins with white space'],
    [`GET / HTTP/1.1\r\nA\r\n`, 'no colon'],
    [`GET / HTTP/1.1\r\nA : b\r\n`, 'no token'],
    [`GET / HTTP/1.1\r\n: b\r\n`, 'no token'],
    [`GET / HTTP/1.1\r\nA: \0\r\n`, 'control character'],
    [`GET / HTTP/1.1\r\n${host}Connection: a b\r\n\r\n`, 'connection holds'],
    [`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n`, 'beside'],
    [`POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n`, 'other than chunked'],
    [`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`, 'more than one'],
    [`POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n`, 'HTTP/1.0'],
    [`POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`, 'more than one'],
    [`POST / HTTP/1.1\r\n${host}Content-Length: 1, 1\r\n\r\nx`, 'no decimal'],
    [`POST / HTTP/1.1\r\n${host}Content-Length: +1\r\n\r\nx`, 'no decimal'],
    [`POST / HTTP/1.1\r\n${host}Content-Length:\r\n\r\nx`, 'no decimal'],
    [`POST / HTTP/1.1\r\n${host}Content-Length: 9007199254740992\r\n\r\nx`, 'too large'],
    [`${chunked}g\r\n`, 'chunk line'],
    [`${chunked}+1\r\n`, 'chunk line'],
    [`${chunked}0x1\r\n`, 'chunk line'],
    [`${chunked}1 \r\n`, 'chunk line'],
    [`${chunked}\r\n`, 'chunk line'],
    [`${chunked}1;a="\r\n`, 'chunk line'],
    [`${chunked}1;\r\n`, 'chunk line'],
    [`${chunked}20000000000000\r\n`, 'too large'],
    [`${chunked}1\r\nabc`, 'not followed'],
    [`${chunked}0\r\nA : b\r\n\r\n`, 'no token'],
    [`${chunked}0\r\nHost: b\r\n\r\n`, 'in a trailer'],
    [`${chunked}0\r\ncontent-LENGTH: 1\r\n\r\n`, 'in a trailer'],
  ])('refuses %j', (text, reason) => expect(reasonOf(request(text))).toContain(reason));

  it('never decides before the end: every proper prefix is incomplete', () => {
    for (const text of [
      `${chunked}3;a=b\r\nabc\r\n0\r\nT: 1\r\n\r\n`,
      `PUT /a HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nab`,
    ]) {
      for (let end = 0; end < text.length; end++) expect(request(text.slice(0, end)).verdict).toBe('incomplete');
      expect(request(text).verdict).toBe('accept');
    }
  });
});

describe('the reference parser reads responses', () => {
  it.each([
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokX', 'GET', false, 'ok', 'X'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nX', 'HEAD', false, '', 'X'],
    ['HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nX', 'GET', false, '', 'X'],
    ['HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\nX', 'GET', false, '', 'X'],
    ['HTTP/1.1 103 Hint\r\n\r\nX', 'GET', false, '', 'X'],
    ['HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nX', 'GET', false, 'a', 'X'],
    ['HTTP/1.0 200 OK\r\n\r\nall of it', 'GET', true, 'all of it', ''],
  ])('%j to %s', (text, method, ended, body, rest) => {
    expect(response(text, method, ended)).toMatchObject({ message: { body: bytes(body) }, rest: bytes(rest) });
  });

  it('waits for the close that ends a body without a length', () => {
    expect(response('HTTP/1.1 200 OK\r\n\r\nso far').verdict).toBe('incomplete');
    expect(response('HTTP/1.1 200 OK\r\n\r\nso far', 'GET', true)).toMatchObject({ message: { persistent: false } });
  });

  it.each([
    ['HTTP/1.1 20 OK\r\n'],
    ['HTTP/1.1 2000 OK\r\n'],
    ['HTTP/1.1  200 OK\r\n'],
    ['HTTP/1.1 099 OK\r\n'],
    ['HTTP/2 200 OK\r\n'],
    ['ICY 200 OK\r\n'],
    ['HTTP/1.1 200 O\0K\r\n'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n'],
    ['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['HTTP/1.1 103 Hint\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ])('refuses %j', (text) => expect(response(text, 'GET', true).verdict).toBe('refuse'));
});
