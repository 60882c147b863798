import { describe, expect, it } from 'vitest';
import { Zone } from './cel-time.js';
import { networkOf, Pattern, patternOf, zoneOf } from './cel-values.js';

const compiled = (text: string): Pattern => {
  const pattern = patternOf(text);
  if (typeof pattern === 'string') throw new Error(pattern);
  return pattern;
};

describe('patternOf', () => {
  it('finds a pattern anywhere in a text', () => {
    expect(compiled('^/api/[a-z]+$').test('/api/status')).toBe(true);
    expect(compiled('^/api/[a-z]+$').test('/api/status/1')).toBe(false);
    expect(compiled('tat').test('/api/status')).toBe(true);
    expect(compiled('(?i)STATUS').test('/api/status')).toBe(true);
    expect(compiled('^a{2,3}$').test('aaaa')).toBe(false);
  });

  it('takes time in proportion to the text where a backtracking engine would never end', () => {
    const text = `${'a'.repeat(1_000)}!`;
    const started = process.cpuUsage().user;
    for (const evil of ['(a+)+$', '(a|aa)+$', '(a|ab?)+$', '(.*)(.*)(.*)(.*)x', '^([a-zA-Z]+)*$', '(a?){50}a{2}b'])
      expect([evil, compiled(evil).test(text)]).toEqual([evil, false]);
    expect((process.cpuUsage().user - started) / 1e6).toBeLessThan(5);
  });

  it('goes on correctly when it may not remember more', () => {
    // Each of the 2^12 mixtures of a and b in the last twelve characters is a state of its own.
    const pattern = compiled('a[ab]{12}c');
    let seed = 1;
    const letters = Array.from({ length: 1_000 }, () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % 2 ? 'a' : 'b';
    }).join('');
    const expected = (text: string) => /a[ab]{12}c/.test(text);
    for (let i = 0; i < 20; i++) {
      const text = `${letters.slice(i, i + 900)}c`;
      expect(pattern.test(text)).toBe(expected(text));
      expect(pattern.remembered).toBeLessThanOrEqual(64);
    }
  });

  it('knows characters outside ASCII, however many come by', () => {
    const pattern = compiled('^.ü.$');
    for (let i = 0; i < 300; i++) expect(pattern.test(`${String.fromCodePoint(0x4e00 + i)}üx`)).toBe(true);
    expect(pattern.remembered).toBe(0);
    expect(pattern.test('ab')).toBe(false);
    expect(compiled('^.$').test('😀')).toBe(true);
  });

  it('remembers what ASCII taught it, and nothing of any other text', () => {
    for (const text of ['üabc', 'abcü', 'aüc', 'ü', '\u0080']) {
      const pattern = compiled('[^x]');
      pattern.test('abc');
      pattern.test('\u007f');
      expect(pattern.remembered).toBeGreaterThan(0);
      pattern.test(text);
      expect([text, pattern.remembered]).toEqual([text, 0]);
    }
  });

  it('looks at 1024 characters and no more', () => {
    expect(compiled('x$').test(`${'a'.repeat(1_023)}x`)).toBe(true);
    expect(() => compiled('x$').test(`${'a'.repeat(1_024)}x`)).toThrow(RangeError);
  });

  it.each([
    ['(', 'The pattern is not valid'],
    ['(?=a)', 'The pattern is not valid'],
    ['(a)\\1', 'The pattern is not valid'],
    ['\\p{Greek}', 'The pattern is not valid'],
    ['a'.repeat(101), 'A pattern has at most 100 characters.'],
    ['a{101}', 'The counted repetitions of a pattern multiply to at most 100.'],
    ['(a{11}){10}', 'The counted repetitions of a pattern multiply to at most 100.'],
    ['(a{0,11}){10,}', 'The counted repetitions of a pattern multiply to at most 100.'],
    ['((((abcdefgh){10}){10}))', 'The pattern is too large.'],
  ])('refuses %s', (text, message) => {
    expect(patternOf(text)).toMatch(new RegExp(`^${message.slice(0, 20)}`));
    expect(String(patternOf(text)).startsWith(message)).toBe(true);
  });

  it('takes patterns up to its bounds', () => {
    for (const text of ['a'.repeat(100), 'a{100}', '(a{10}){10}', '(a{0}b{100}){1}', '(a{5,10}){10}'])
      expect(patternOf(text)).toBeInstanceOf(Pattern);
  });
});

describe('zoneOf', () => {
  it('makes each zone once', () => {
    expect(zoneOf('Europe/Paris')).toBeInstanceOf(Zone);
    expect(zoneOf('Europe/Paris')).toBe(zoneOf('Europe/Paris'));
    expect(zoneOf('Nowhere')).toBe('There is no time zone "Nowhere".');
  });
});

describe('networkOf', () => {
  it('says what it expected', () => {
    expect(networkOf('10.0.0.0/40')).toBe(
      '"10.0.0.0/40" is not an address block like "10.0.0.0/8" or "2001:db8::/32".',
    );
    expect(networkOf('10.0.0.0/8')).toMatchObject({ bits: 8 });
  });
});
