import { describe, expect, it } from 'vitest';
import { BodyReader } from './body-reader.js';
import { badChunk, ChunkedDecoder } from './chunked-decoder.js';

interface Read {
  readonly data: string;
  readonly trailers: string;
  /** What stands behind the body. */
  readonly rest: string;
}

/** decode feeds the text in pieces that end at the given offsets. @returns 'bad', 'open', or what was read */
function decode(text: string, cuts: readonly number[] = []): Read | 'bad' | 'open' {
  const decoder = new ChunkedDecoder();
  const all = Buffer.from(text, 'latin1');
  let data = '';
  let from = 0;
  for (const cut of [...cuts, all.length]) {
    const piece = Buffer.from(all.subarray(from, cut));
    let at = 0;
    while (at < piece.length && !decoder.done) {
      const end = decoder.feed(piece, at, piece.length);
      if (end === badChunk) return 'bad';
      data += piece.toString('latin1', decoder.dataStart, decoder.dataEnd);
      at = end;
    }
    if (decoder.done) return { data, trailers: decoder.trailers, rest: all.toString('latin1', from + at) };
    from = cut;
  }
  return 'open';
}

/** Whole, cut once at every place, and byte by byte. */
const everyWay = (text: string): Set<string> =>
  new Set(
    [[], ...Array.from(text, (_, i) => [i]), Array.from(text, (_, i) => i)].map((cuts) =>
      JSON.stringify(decode(text, cuts)),
    ),
  );
const read = (data: string, trailers = '', rest = ''): Set<string> =>
  new Set([JSON.stringify({ data, trailers, rest })]);

describe('ChunkedDecoder', () => {
  it.each([
    ['0\r\n\r\n', read('')],
    ['000\r\n\r\n', read('')],
    ['5\r\nhello\r\n0\r\n\r\n', read('hello')],
    ['a\r\n0123456789\r\n3\r\nabc\r\n0\r\n\r\n', read('0123456789abc')],
    ['0A\r\n0123456789\r\n0\r\n\r\nGET /', read('0123456789', '', 'GET /')],
    ['10\r\n0123456789abcdef\r\n0\r\n\r\n', read('0123456789abcdef')],
    ['0000000000005\r\nhello\r\n0\r\n\r\n', read('hello')],
    ['5;a=b;c="d;\\"e"\r\nhello\r\n0;last\r\n\r\n', read('hello')],
    ['2\r\n\r\n\r\n0\r\n\r\n', read('\r\n')],
    ['1\r\nx\r\n0\r\nX-Sum: 9\r\nEtag: "a"\r\n\r\nrest', read('x', 'X-Sum: 9\r\nEtag: "a"\r\n', 'rest')],
    ['0\r\nX-Sum:  9 \r\nTE: x\r\nVia: 1.1 x\r\nDate: now\r\n\r\n', read('', 'X-Sum: 9\r\n')],
    [
      '0\r\nAuthorization: a\r\nCache-Control: b\r\nContent-Type: c\r\nCookie: d\r\nMax-Forwards: e\r\nSet-Cookie: f\r\nWWW-Authenticate: g\r\nX-Content-Type: h\r\n\r\n',
      read('', 'X-Content-Type: h\r\n'),
    ],
  ])('reads %j however it is cut', (text, expected) => {
    expect(everyWay(text)).toEqual(expected);
  });

  it.each([
    ' 5\r\nhello\r\n',
    '5 \r\nhello\r\n',
    '5\nhello\r\n',
    '5\r\nhello0\r\n',
    '5\r\nhello\n0\r\n\r\n',
    '5\r\nhello\rx',
    '5\rx',
    '\r\n',
    ';a\r\n',
    'g\r\n',
    '-1\r\n',
    '0x5\r\nhello\r\n',
    '00000000000005\r\nhello\r\n',
    '5;\r\nhello\r\n',
    '5;a=\r\nhello\r\n',
    '5;a="b\r\nhello\r\n',
    '5;a=b\nhello\r\n',
    '0\r\nX : 1\r\n\r\n',
    '0\r\n X: 1\r\n\r\n',
    '0\r\nX: 1\n\r\n',
    '0\r\nHost: x\r\n\r\n',
    '0\r\nX: 1\r\nContent-Length: 5\r\n\r\n',
    '0\r\nTransfer-Encoding: chunked\r\n\r\n',
    '0\r\nConnection: close\r\n\r\n',
  ])('refuses %j however it is cut', (text) => {
    expect(everyWay(text)).toEqual(new Set(['"bad"']));
  });

  it('waits while the end has not come', () => {
    for (const text of [
      '',
      '5',
      '5\r',
      '5\r\n',
      '5\r\nhell',
      '5\r\nhello',
      '5\r\nhello\r\n',
      '0\r\n',
      '0\r\n\r',
      '0\r\nX: 1\r\n',
    ])
      expect([text, everyWay(text)]).toEqual([text, new Set(['"open"'])]);
  });

  it('bounds extensions and trailers', () => {
    const extension = (bytes: number) => `0;${'a'.repeat(bytes)}\r\n\r\n`;
    expect(decode(extension(1_024))).toMatchObject({ data: '' });
    expect(decode(extension(1_025))).toBe('bad');
    expect(decode(`1;${'a'.repeat(600)}\r\nx\r\n0;${'a'.repeat(600)}\r\n\r\n`)).toBe('bad');
    const trailer = (bytes: number) => `0\r\nX: ${'a'.repeat(bytes - 7)}\r\n\r\n`;
    expect(decode(trailer(16_384))).toMatchObject({ data: '' });
    for (const cuts of [[], [5_000], [5_000, 10_000]]) expect(decode(trailer(16_385), cuts)).toBe('bad');
    expect(decode(`0\r\nX: ${'a'.repeat(20_000)}`)).toBe('bad');
    expect(decode(`0\r\nX: ${'a'.repeat(20_000)}`, [9_000, 18_000])).toBe('bad');
  });

  it('moves the data of several chunks together', () => {
    const decoder = new ChunkedDecoder();
    const bytes = Buffer.from('..3\r\nabc\r\n2\r\nde\r\n1\r\nf');
    expect(decoder.feed(bytes, 2, bytes.length)).toBe(bytes.length);
    expect(bytes.toString('latin1', decoder.dataStart, decoder.dataEnd)).toBe('abcdef');
    expect(decoder.feed(Buffer.from('\r\n'), 0, 2)).toBe(2);
    expect([decoder.dataStart, decoder.dataEnd, decoder.done]).toEqual([0, 0, false]);
  });
});

describe('BodyReader', () => {
  const feed = (body: BodyReader, text: string, from = 0) => {
    const bytes = Buffer.from(text, 'latin1');
    const end = body.feed(bytes, from, bytes.length);
    return [end, bytes.toString('latin1', body.dataStart, body.dataEnd), body.done];
  };

  it('reads as long as was announced', () => {
    const body = new BodyReader();
    expect([body.framing, body.done, body.trailers]).toEqual(['none', true, '']);
    body.length(6);
    expect([body.framing, body.done]).toEqual(['length', false]);
    expect(feed(body, '..abc', 2)).toEqual([5, 'abc', false]);
    expect(feed(body, 'defGET')).toEqual([3, 'def', true]);
    body.length(0);
    expect([body.framing, body.done]).toEqual(['length', true]);
    body.length(1);
    body.none();
    expect([body.framing, body.done]).toEqual(['none', true]);
  });

  it('reads to the end of the connection', () => {
    const body = new BodyReader();
    body.untilClose();
    expect([body.framing, body.done]).toEqual(['close', false]);
    expect(feed(body, 'abc')).toEqual([3, 'abc', false]);
    expect(feed(body, '..d', 2)).toEqual([3, 'd', false]);
  });

  it('takes chunks off, a new body each time', () => {
    const body = new BodyReader();
    for (let i = 0; i < 2; i++) {
      body.chunked();
      expect([body.framing, body.done, body.trailers]).toEqual(['chunked', false, '']);
      expect(feed(body, '3\r\nabc\r\n0\r\n')).toEqual([11, 'abc', false]);
      expect(feed(body, 'X: 1\r\n\r\nGET')).toEqual([8, '', true]);
      expect(body.trailers).toBe('X: 1\r\n');
    }
    body.length(1);
    expect(body.trailers).toBe('');
    body.chunked();
    expect(body.feed(Buffer.from('zz'), 0, 2)).toBe(badChunk);
    expect(body.done).toBe(false);
  });
});
