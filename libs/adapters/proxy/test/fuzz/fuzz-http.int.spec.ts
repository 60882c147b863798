import { describe, expect, it } from 'vitest';
import { compare } from './compare.js';
import { fuzz } from './fuzz-http.js';

const seconds = 12;
const firstSeed = 20_000_000;

describe('the parser of the net engine', () => {
  it(`accepts nothing that llhttp or the reference parser reads differently (${seconds} s of fuzz:http)`, {
    timeout: 120_000,
  }, () => {
    const until = performance.now() + seconds * 1000;
    const result = fuzz(firstSeed, () => performance.now() < until);
    expect(result.findings).toEqual([]);
    expect(result.accepted).toBeGreaterThan(100);
  });

  it.each([
    ['a chunked interim answer', 'HTTP/1.1 143 \r\nTransfer-Encoding:chunked\r\n\r\n'],
    ['an interim answer with a length', 'HTTP/1.1 104\r\nContent-Length:5\r\n\r\n'],
    ['a tab behind chunked', 'HTTP/1.1 200\r\nTransfer-Encoding:chunked\t\r\n\r\n0\r\n\r\n'],
  ])('keeps answers that llhttp reads otherwise refused: %s', (_name, text) => {
    expect(compare(Buffer.from(text), 'response', [])).toBeUndefined();
  });

  it.each([
    [
      'an upgrade with a body on HTTP/1.0',
      'POST / HTTP/1.0\r\nConnection: upgrade\r\nContent-Length: 5\r\nUpgrade: c\r\n\r\nhello',
    ],
    ['half a percent-encoding in Host', 'GET / HTTP/1.1\r\nHost: a%\r\n\r\n'],
    [
      'white space in a chunk extension',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0; a\r\n\r\n',
    ],
    [
      'an open quote in a chunk extension',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0;a="b\r\n\r\n',
    ],
    [
      'a length in a trailer',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n',
    ],
    [
      'Connection in a trailer',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n',
    ],
  ])('keeps what fuzzing found fixed: %s', (_name, text) => {
    const bytes = Buffer.from(text, 'latin1');
    expect(compare(bytes, 'request', [])).toBeUndefined();
    expect(
      compare(
        bytes,
        'request',
        [...text].map((_, index) => index),
      ),
    ).toBeUndefined();
  });
});
