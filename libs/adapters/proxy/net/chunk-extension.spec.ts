import { describe, expect, it } from 'vitest';
import { ChunkExtension } from './chunk-extension.js';

/** Whether the text may stand between the first semicolon and the end of the line. */
function accepts(text: string): boolean {
  const extension = new ChunkExtension();
  extension.begin();
  return Buffer.from(text, 'latin1').every((byte) => extension.take(byte)) && extension.mayEnd;
}

describe('a chunk extension', () => {
  it.each(['a', 'a=b', 'a;b', 'a=b;c', 'a="b c"', 'a="\\"";b', 'a="";b=c', "!#$%&'*+-.^_`|~=1"])('may be %j', (text) =>
    expect(accepts(text)).toBe(true),
  );

  it.each([
    '',
    ' ',
    ';',
    'a;',
    'a ',
    'a=',
    'a= ',
    'a=b ',
    'a="b',
    'a="b\\"',
    'a="b" ',
    '"a"',
    'a b',
    ' a',
    'a =b',
    'a= b',
    'a ;b',
    'a; b',
    'a=b c',
    'a=b=c',
    'a=b =c',
    '=b',
    'a="b"c',
    'a="b"="c"',
    'a=b"c"',
    'a\x01',
    'a="\x7f"',
    'a="\\\x01"',
    '\xe9',
  ])('may not be %j', (text) => expect(accepts(text)).toBe(false));
});
