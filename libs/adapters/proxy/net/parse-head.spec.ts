import { describe, expect, it } from 'vitest';
import { MessageHead } from './message-head.js';
import { faultOf, headFaults, incomplete, parseRequestHead, parseResponseHead } from './parse-head.js';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const request = (text: string, head = new MessageHead()): { end: number; head: MessageHead } => {
  const bytes = bytesOf(text);
  return { end: parseRequestHead(bytes, 0, bytes.length, head), head };
};
const host = 'Host: x\r\n';

const refused: Record<string, [string, number]> = {
  'HTTP/0.9': ['GET /\r\n\r\n', faultOf.target],
  'HTTP/2.0': [`GET / HTTP/2.0\r\n${host}\r\n`, faultOf.version],
  'HTTP/1.2': [`GET / HTTP/1.2\r\n${host}\r\n`, faultOf.version],
  'HTTP/1.10': [`GET / HTTP/1.10\r\n${host}\r\n`, faultOf.version],
  'lower-case version': [`GET / http/1.1\r\n${host}\r\n`, faultOf.version],
  'two spaces': [`GET  / HTTP/1.1\r\n${host}\r\n`, faultOf.target],
  'a space behind the version': [`GET / HTTP/1.1 \r\n${host}\r\n`, faultOf.version],
  'a space before the method': [` GET / HTTP/1.1\r\n${host}\r\n`, faultOf.requestLine],
  'two empty lines first': [`\r\n\r\nGET / HTTP/1.1\r\n${host}\r\n`, faultOf.requestLine],
  'a fragment': [`GET /#x HTTP/1.1\r\n${host}\r\n`, faultOf.target],
  'a raw byte in the target': [`GET /\xe9 HTTP/1.1\r\n${host}\r\n`, faultOf.target],
  'bare LF': [`GET / HTTP/1.1\n${host}\r\n`, faultOf.version],
  'bare LF in fields': [`GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n`, faultOf.fieldValue],
  'bare CR': [`GET / HTTP/1.1\r\n${host}A: b\rc\r\n\r\n`, faultOf.lineEnd],
  'NUL in a value': [`GET / HTTP/1.1\r\n${host}A: b\0c\r\n\r\n`, faultOf.fieldValue],
  'DEL in a value': [`GET / HTTP/1.1\r\n${host}A: b\x7fc\r\n\r\n`, faultOf.fieldValue],
  'a space before the colon': [`GET / HTTP/1.1\r\n${host}A : b\r\n\r\n`, faultOf.fieldLine],
  'an empty name': [`GET / HTTP/1.1\r\n${host}: b\r\n\r\n`, faultOf.fieldLine],
  'a folded line': [`GET / HTTP/1.1\r\n${host}A: b\r\n c\r\n\r\n`, faultOf.fieldLine],
  'a folded first line': [`GET / HTTP/1.1\r\n A: b\r\n${host}\r\n`, faultOf.fieldLine],
  'no host': ['GET / HTTP/1.1\r\n\r\n', faultOf.host],
  'two hosts': [`GET / HTTP/1.1\r\n${host}${host}\r\n`, faultOf.host],
  'an empty host': ['GET / HTTP/1.1\r\nHost: \r\n\r\n', faultOf.host],
  'a host with a user': ['GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', faultOf.host],
  'a host with a path': ['GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', faultOf.host],
  'a host list': ['GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', faultOf.host],
  'a bad port': ['GET / HTTP/1.1\r\nHost: a:b\r\n\r\n', faultOf.host],
  'no port': ['GET / HTTP/1.1\r\nHost: a:\r\n\r\n', faultOf.host],
  'an open bracket': ['GET / HTTP/1.1\r\nHost: [::1\r\n\r\n', faultOf.host],
  'CL twice': [`GET / HTTP/1.1\r\n${host}Content-Length: 1\r\ncontent-length: 1\r\n\r\n`, faultOf.contentLength],
  'CL empty': [`GET / HTTP/1.1\r\n${host}Content-Length:\r\n\r\n`, faultOf.contentLength],
  'CL signed': [`GET / HTTP/1.1\r\n${host}Content-Length: +1\r\n\r\n`, faultOf.contentLength],
  'CL list': [`GET / HTTP/1.1\r\n${host}Content-Length: 1, 1\r\n\r\n`, faultOf.contentLength],
  'CL overlong': [`GET / HTTP/1.1\r\n${host}Content-Length: 0000000000000001\r\n\r\n`, faultOf.contentLength],
  'CL and TE': [
    `GET / HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    faultOf.bothLengths,
  ],
  'TE twice': [
    `GET / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    faultOf.transferEncoding,
  ],
  'TE list': [`GET / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n`, faultOf.transferEncoding],
  'TE with VT': [`GET / HTTP/1.1\r\n${host}Transfer-Encoding: \x0bchunked\r\n\r\n`, faultOf.fieldValue],
  'TE quoted': [`GET / HTTP/1.1\r\n${host}Transfer-Encoding: "chunked"\r\n\r\n`, faultOf.transferEncoding],
  'TE on HTTP/1.0': [`GET / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n`, faultOf.encodingOnOld],
  'a bad connection option': [`GET / HTTP/1.1\r\n${host}Connection: a b\r\n\r\n`, faultOf.connection],
  'another expectation': [`GET / HTTP/1.1\r\n${host}Expect: 200-ok\r\n\r\n`, faultOf.expect],
  'another authority': [`GET http://y/ HTTP/1.1\r\n${host}\r\n`, faultOf.authority],
  'an authority with a user': [`GET http://a@x/ HTTP/1.1\r\n${host}\r\n`, faultOf.target],
  'another scheme': [`GET ftp://x/ HTTP/1.1\r\n${host}\r\n`, faultOf.target],
  'a relative target': [`GET x HTTP/1.1\r\n${host}\r\n`, faultOf.target],
  'an asterisk without OPTIONS': [`GET * HTTP/1.1\r\n${host}\r\n`, faultOf.target],
  CONNECT: [`CONNECT x:1 HTTP/1.1\r\n${host}\r\n`, faultOf.connect],
  'a body on an upgrade': [
    `GET / HTTP/1.1\r\n${host}Connection: upgrade\r\nUpgrade: a\r\nContent-Length: 1\r\n\r\n`,
    faultOf.bodyOnUpgrade,
  ],
  '101 fields': [`GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(101)}\r\n`, faultOf.tooManyFields],
  'a large head': [`GET / HTTP/1.1\r\n${host}A: ${'b'.repeat(17_000)}`, faultOf.headTooLarge],
  'a long request line': [`GET /${'b'.repeat(9_000)}`, faultOf.lineTooLong],
};

describe('parseRequestHead', () => {
  it.each(Object.entries(refused))('refuses %s', (_name, [text, fault]) => {
    expect(headFaults[-request(text).end]).toBe(headFaults[-fault]);
  });

  it.each(Object.entries(refused))('never takes a beginning of %s for whole', (_name, [text]) => {
    if (text.length > 1000) return;
    for (let length = 0; length < text.length; length++)
      expect(request(text.slice(0, length)).end).toBeLessThanOrEqual(0);
  });

  it('reads the parts of a request, and stops behind its head', () => {
    const text =
      '\r\nPOST /a%2Fb?c HTTP/1.1\r\nHost: [::1]:80\r\nX-A:  b\tc \r\nx-a: d\r\nExpect: 100-Continue\r\nContent-Length: 12\r\nConnection: close, X-Hop\r\nx-hop: 1\r\n\r\nbody';
    const { end, head } = request(text);
    expect(end).toBe(text.length - 4);
    expect(head.text(head.methodStart, head.methodEnd)).toBe('POST');
    expect(head.text(head.targetStart, head.targetEnd)).toBe('/a%2Fb?c');
    expect(head.field('x-a')).toBe('b\tc, d');
    expect(head.field('x-b')).toBeUndefined();
    expect(head).toMatchObject({ contentLength: 12, expectsContinue: true, close: true, chunked: false, httpMinor: 1 });
    expect([...Array(head.count).keys()].filter((i) => head.isNominated(i)).map((i) => head.value(i))).toEqual(['1']);
  });

  it('asks for more at every byte of a good request, and then reads it the same', () => {
    const text = `GET http://X/p HTTP/1.1\r\n${host}Transfer-Encoding: Chunked\r\nConnection: Upgrade\r\n\r\n`;
    for (let length = 0; length < text.length; length++) expect(request(text.slice(0, length)).end).toBe(incomplete);
    const { end, head } = request(text);
    expect(end).toBe(text.length);
    expect(head.text(head.targetStart, head.targetEnd)).toBe('/p');
    expect(head).toMatchObject({ chunked: true, switches: true, upgrade: -1 });
  });

  it('takes an empty absolute path, an asterisk for OPTIONS, and HTTP/1.0 without a host', () => {
    const absolute = request(`GET http://x HTTP/1.1\r\n${host}\r\n`);
    expect(absolute.end).toBeGreaterThan(0);
    expect(absolute.head.targetStart).toBe(absolute.head.targetEnd);
    expect(request(`OPTIONS * HTTP/1.1\r\n${host}\r\n`).end).toBeGreaterThan(0);
    expect(request('GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n').head).toMatchObject({ expectsContinue: false });
  });
});

describe('parseResponseHead', () => {
  const response = (text: string) => {
    const bytes = bytesOf(text);
    const head = new MessageHead();
    return { end: parseResponseHead(bytes, 0, bytes.length, head), head };
  };

  it.each([
    ['HTTP/1.1 200 OK\r\n\r\n', 200, 'OK'],
    ['HTTP/1.0 404 \r\n\r\n', 404, ''],
    ['HTTP/1.1 599\r\n\r\n', 599, ''],
    ['HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n', 103, 'Early Hints'],
  ])('reads %j', (text, status, reason) => {
    for (let length = 0; length < text.length; length++) expect(response(text.slice(0, length)).end).toBe(incomplete);
    const { end, head } = response(text);
    expect(end).toBe(text.length);
    expect([head.status, head.text(head.reasonStart, head.reasonEnd)]).toEqual([status, reason]);
  });

  it.each([
    'SSH-2.0-nope\r\n\r\n',
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1 099 OK\r\n\r\n',
    'HTTP/1.1 600 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'HTTP/1.1 200 O\rK\r\n\r\n',
    'HTTP/1.1 200 OK\n\n',
    'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  ])('refuses %j', (text) => {
    expect(response(text).end).toBeLessThan(0);
  });
});

describe('the ends of a head', () => {
  const get = `GET / HTTP/1.1\r\n${host}\r\n`;
  const answer = 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n';
  const long = 'a'.repeat(100_000);
  const response = (text: string): number =>
    parseResponseHead(bytesOf(text), 0, bytesOf(text).length, new MessageHead());

  it('are not looked for behind what has come', () => {
    const bytes = bytesOf(`\r\n${get}`);
    for (let to = 0; to < bytes.length; to++)
      expect([to, parseRequestHead(bytes, 0, to, new MessageHead())]).toEqual([to, incomplete]);
    const head = new MessageHead();
    expect([parseRequestHead(bytes, 0, bytes.length, head), head.end]).toEqual([bytes.length, bytes.length]);
    expect(request(`\r${get}`).end).toBe(faultOf.lineEnd);
  });

  it('have to come within the bounds', () => {
    expect(request(`GET /${long}`).end).toBe(faultOf.lineTooLong);
    for (const text of [`GET / HTTP/1.1\r\n${host}A: ${long}`, `GET / HTTP/1.1\r\n${host}A: ${long}\r\n\r\n`])
      expect(request(text).end).toBe(faultOf.headTooLarge);
    for (const text of [`HTTP/1.1 200 OK\r\nA: ${long}`, `HTTP/1.1 200 OK\r\nA: ${long}\r\n\r\n`])
      expect(response(text)).toBe(faultOf.headTooLarge);
    expect([response(answer.slice(0, -1)), response(answer)]).toEqual([incomplete, answer.length]);
  });

  it('are no ends where a status has no content', () => {
    const of = (status: number, field: string): number => response(`HTTP/1.1 ${status} X\r\n${field}\r\n\r\n`);
    expect(of(103, 'Content-Length: 1')).toBe(faultOf.contentLength);
    expect(of(103, 'Content-Length: 0')).toBeGreaterThan(0);
    for (const status of [103, 204]) expect(of(status, 'Transfer-Encoding: chunked')).toBe(faultOf.transferEncoding);
    expect(of(200, 'Transfer-Encoding: chunked')).toBeGreaterThan(0);
    expect(of(200, 'Transfer-Encoding: chunked\r\nContent-Length: 0')).toBe(faultOf.bothLengths);
  });
});
