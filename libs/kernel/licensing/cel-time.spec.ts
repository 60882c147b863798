import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { get, isDuration, parseTimestamp, timestampGetters, Zone } from './cel-time.js';

const all = (at: Date) => timestampGetters.map((part) => get(part, at));

describe('get', () => {
  it('reads the parts as CEL counts them', () => {
    //                                            year month date dom dow doy h  m  s  ms
    expect(all(new Date('2026-03-01T04:05:06.007Z'))).toEqual([2026, 2, 1, 0, 0, 59, 4, 5, 6, 7]);
    expect(all(new Date('2024-12-31T23:59:59.999Z'))).toEqual([2024, 11, 31, 30, 2, 365, 23, 59, 59, 999]);
    expect(get('getDayOfYear', new Date('2026-01-01T00:00:00Z'))).toBe(0);
  });
});

describe('Zone', () => {
  const wall = (zone: string, at: string) => new Zone(zone).wallOf(new Date(at)).toISOString();

  it('tells the wall time of a place, in summer and in winter', () => {
    expect(wall('Europe/Berlin', '2026-03-29T00:59:59.123Z')).toBe('2026-03-29T01:59:59.123Z');
    expect(wall('Europe/Berlin', '2026-03-29T01:00:00.000Z')).toBe('2026-03-29T03:00:00.000Z');
    expect(wall('America/New_York', '2026-01-01T03:00:00Z')).toBe('2025-12-31T22:00:00.000Z');
    expect(wall('Asia/Kathmandu', '2026-01-01T00:00:00Z')).toBe('2026-01-01T05:45:00.000Z');
    expect(wall('+02:00', '2026-01-01T00:00:00Z')).toBe('2026-01-01T02:00:00.000Z');
    expect(wall('UTC', '2026-01-01T00:00:00Z')).toBe('2026-01-01T00:00:00.000Z');
  });

  it('knows no place that there isn’t', () => {
    expect(() => new Zone('Mars/Olympus')).toThrow(RangeError);
  });
});

describe('parseTimestamp', () => {
  it.each([
    ['2026-01-31T09:30:00Z', '2026-01-31T09:30:00.000Z'],
    ['2026-01-31T09:30:00+02:00', '2026-01-31T07:30:00.000Z'],
    ['2026-01-31T09:30:00-02:30', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T09:30:00.5Z', '2026-01-31T09:30:00.500Z'],
    ['2026-01-31T09:30:00.123+00:00', '2026-01-31T09:30:00.123Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    ['2026-12-31T23:59:59Z', '2026-12-31T23:59:59.000Z'],
  ])('reads %s', (text, instant) => {
    expect(parseTimestamp(text)?.toISOString()).toBe(instant);
  });

  it.each([
    '2026-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-32T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00',
    '2026-01-01 00:00:00Z',
    '2026-01-01T00:00Z',
    '2026-01-01',
    '2026-01-01T00:00:00.1234Z',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00+99:00',
    '2026-01-01T00:00:00+0200',
    '26-01-01T00:00:00Z',
    ' 2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00Z ',
    'Thu, 01 Jan 2026 00:00:00 GMT',
    '',
  ])('refuses %j', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  it('reads back every instant that it can name', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_135_596_800_000, max: Date.UTC(9999, 11, 31) }), (ms) => {
        expect(parseTimestamp(new Date(ms).toISOString())?.getTime()).toBe(ms);
      }),
    );
  });
});

describe('isDuration', () => {
  it.each(['72h', '1h30m', '-90s', '0s', '999999h', '1h1h1h1h1h1h', '-1m30s'])('takes %s', (text) => {
    expect(isDuration(text)).toBe(true);
  });

  it.each([
    '',
    '72',
    'h',
    '1.5h',
    '1d',
    '+1h',
    '1h-1m',
    '5ms',
    '1h 1m',
    '1000000h',
    '1h1h1h1h1h1h1h',
    'x1h',
    '1hx',
    '--1h',
  ])('refuses %j', (text) => {
    expect(isDuration(text)).toBe(false);
  });
});
