import { describe, expect, it } from 'vitest';
import { dropOf, linesFrom, pairsOf } from './field-lines.js';
import { endToEnd, isToken, splitList, valuesOf } from './headers.js';

const passes = (...raw: string[]): string[] => endToEnd(raw, () => false);

describe('endToEnd', () => {
  it('passes fields as they came, and none of the hop', () => {
    expect(passes('A', '1', 'b', '2', 'A', '3')).toEqual(['A', '1', 'b', '2', 'A', '3']);
    for (const name of [
      'Connection',
      'expect',
      'Keep-Alive',
      'Proxy-Authenticate',
      'proxy-authorization',
      'Proxy-Connection',
      'TE',
      'Trailer',
      'Transfer-Encoding',
      'UPGRADE',
    ])
      expect([name, passes('A', '1', name, 'x', 'B', '2')]).toEqual([name, ['A', '1', 'B', '2']]);
  });

  it('passes none that Connection names, but those that a message cannot do without', () => {
    expect(passes('Connection', 'X-A, close', 'x-a', '1', 'X-B', '2', 'CONNECTION', ' x-b ,,', 'X-C', '3')).toEqual([
      'X-C',
      '3',
    ]);
    expect(
      passes('Connection', 'host, content-length, keep-alive, close', 'Host', 'x', 'Content-Length', '1', 'Close', 'y'),
    ).toEqual(['Host', 'x', 'Content-Length', '1', 'Close', 'y']);
    expect(passes('Connectiox', 'X-A', 'Connections', 'X-A', 'X-A', '1')).toEqual([
      'Connectiox',
      'X-A',
      'Connections',
      'X-A',
      'X-A',
      '1',
    ]);
  });

  it('asks the caller about each name in lower case', () => {
    expect(endToEnd(['A-B', '1', 'C', '2'], (name) => name === 'a-b')).toEqual(['C', '2']);
  });
});

describe('lists and tokens', () => {
  it('cuts a list into lower-case elements, none empty', () => {
    expect(splitList(' A ,b,, \t,C d')).toEqual(['a', 'b', 'c d']);
    expect(splitList('')).toEqual([]);
  });

  it('knows a token', () => {
    for (const text of ['a', 'X-1', "!#$%&'*+.^_`|~-"]) expect([text, isToken(text)]).toEqual([text, true]);
    for (const text of ['', 'a b', 'a,', ' a', 'a\n', '(a)', 'é', 'a:'])
      expect([text, isToken(text)]).toEqual([text, false]);
  });

  it('finds every value of one field', () => {
    const raw = ['Via', 'a', 'X', 'via', 'VIA', 'b', 'Vib', 'c'];
    expect([valuesOf(raw, 'via'), valuesOf(raw, 'x'), valuesOf(raw, 'gone')]).toEqual([['a', 'b'], ['via'], []]);
  });
});

describe('field lines', () => {
  it('are what was written, whatever it was written as', () => {
    const digits = Buffer.from('0123456789abcdef');
    const lines = linesFrom((out) => {
      out.text('A: ');
      out.number(42);
      out.prepared(Buffer.from('\r\nB: \xe9', 'latin1'));
      out.text('\r\nC: ');
      out.bits(0x0fa9, digits, 4);
      out.bits(0b101, Buffer.from('ox'), 4);
      out.bits(7, digits, 0);
      out.text('\r\n');
    });
    expect(lines).toBe('A: 42\r\nB: \xe9\r\nC: 0fa9oxox\r\n');
  });

  it('are cut into pairs', () => {
    expect(pairsOf('A: 1\r\nB: : x: y\r\nC: \r\n')).toEqual(['A', '1', 'B', ': x: y', 'C', '']);
    expect(pairsOf('')).toEqual([]);
  });

  it('are dropped by whole names and by beginnings', () => {
    const filter = { names: ['a', 'bc'], prefixes: ['nm-', 'x-'] };
    for (let i = 0; i < 2; i++)
      expect(['a', 'bc', 'b', 'nm-', 'nm-x', 'nm', 'x-y', 'ax-'].map(dropOf(filter))).toEqual([
        true,
        true,
        false,
        true,
        true,
        false,
        true,
        false,
      ]);
    expect(dropOf(filter)).toBe(dropOf(filter));
    expect(dropOf({ names: [], prefixes: [] })('a')).toBe(false);
  });
});
