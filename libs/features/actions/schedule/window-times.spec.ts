import { describe, expect, it } from 'vitest';
import { checkCron, lastTime, nextTime } from './cron-times.js';
import { isOpen, openingAfter } from './window-times.js';

const at = (text: string) => new Date(text);
const nights = { cron: '0 2 * * *', timeZone: 'Europe/Berlin', durationMinutes: 120 };

describe('times of a cron rule', () => {
  it('are in its time zone, and go over the change of the clocks', () => {
    expect(nextTime(nights, at('2026-03-27T12:00:00Z'))).toEqual(at('2026-03-28T01:00:00Z'));
    // On the 29th there is no two o'clock in Berlin; the rule does not lose the day.
    const spring = nextTime(nights, at('2026-03-28T12:00:00Z'));
    expect(spring?.toISOString().slice(0, 10)).toBe('2026-03-29');
    expect(nextTime(nights, at('2026-03-29T12:00:00Z'))).toEqual(at('2026-03-30T00:00:00Z'));
  });

  it('the last one counts its own instant', () => {
    expect(lastTime(nights, at('2026-06-10T00:00:00Z'))).toEqual(at('2026-06-10T00:00:00Z'));
    expect(lastTime(nights, at('2026-06-10T23:59:59Z'))).toEqual(at('2026-06-10T00:00:00Z'));
  });

  it.each([
    ['* * * * * *', 'UTC', 'cron'],
    ['61 * * * *', 'UTC', 'cron'],
    ['0 3 * * *', 'Mars/Olympus', 'timeZone'],
    ['@daily', 'UTC', 'cron'],
  ])('%s in %s is refused at %s', (cron, timeZone, path) => {
    const check = () => checkCron({ cron, timeZone }, at('2026-01-01T00:00:00Z'));
    expect(check).toThrow(expect.objectContaining({ extra: { issues: [expect.objectContaining({ path })] } }));
  });
});

describe('maintenance windows', () => {
  it('are open from each time on, so long', () => {
    expect(isOpen(nights, at('2026-06-10T00:00:00Z'))).toBe(true);
    expect(isOpen(nights, at('2026-06-10T01:59:59Z'))).toBe(true);
    expect(isOpen(nights, at('2026-06-10T02:00:00Z'))).toBe(false);
    expect(isOpen(nights, at('2026-06-09T23:59:59Z'))).toBe(false);
  });

  it('the next opening is the earliest of all; none while one is open, or where there are none', () => {
    const noon = { cron: '0 12 * * *', timeZone: 'UTC', durationMinutes: 60 };
    expect(openingAfter([nights, noon], at('2026-06-10T03:00:00Z'))).toEqual(at('2026-06-10T12:00:00Z'));
    expect(openingAfter([nights, noon], at('2026-06-10T12:30:00Z'))).toBeUndefined();
    expect(openingAfter([], at('2026-06-10T03:00:00Z'))).toBeUndefined();
  });
});
