import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Funnel } from './funnel.js';
import { LogPlace } from './log-place.js';
import type { LogLine } from './pod-logs.js';

const line = (time: string, text: string): LogLine => ({ pod: 'p', container: 'c', time, text });

describe('LogPlace', () => {
  it('drops what was read before a log was opened again, and nothing else', () => {
    const place = new LogPlace();
    place.take(line('2026-01-01T00:00:05Z', 'a'));
    place.take(line('2026-01-01T00:00:05.5Z', 'b'));
    expect(place.since).toBe('2026-01-01T00:00:04.500Z');
    place.resume();
    expect(place.take(line('2026-01-01T00:00:05Z', 'a'))).toBe(false);
    expect(place.take(line('2026-01-01T00:00:05.5Z', 'b'))).toBe(false);
    // Stamped a little earlier, by the other output, but never seen.
    expect(place.take(line('2026-01-01T00:00:05.4Z', 'c'))).toBe(true);
    expect(place.take(line('2026-01-01T00:00:01Z', 'long ago'))).toBe(false);
  });

  it('keeps equal lines of one stream apart', () => {
    const place = new LogPlace();
    expect([1, 2, 3].map(() => place.take(line('2026-01-01T00:00:05Z', 'same')))).toEqual([true, true, true]);
  });

  it('gives every line once, in order, wherever the stream breaks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 }),
        fc.array(fc.nat(60), { maxLength: 6 }),
        (gapsMs, breaks) => {
          let ms = 1_000_000;
          const log = gapsMs.map((gap, i) => {
            ms += gap;
            return line(new Date(ms).toISOString(), `line ${i}`);
          });
          const place = new LogPlace();
          const said: string[] = [];
          for (const until of [...breaks, log.length]) {
            const since = place.since === undefined ? 0 : Date.parse(place.since);
            place.resume();
            for (const each of log.slice(0, until))
              if (Date.parse(each.time) >= since && place.take(each)) said.push(each.text);
          }
          expect(said).toEqual(log.map(({ text }) => text));
        },
      ),
    );
  });
});

describe('Funnel', () => {
  it('makes fast producers wait and loses nothing', async () => {
    const funnel = new Funnel<number>(2);
    let put = 0;
    const producing = (async () => {
      for (let i = 0; i < 100; i++) if (await funnel.put(i)) put++;
      funnel.end();
    })();
    await new Promise((resolve) => setImmediate(resolve));
    expect(put).toBe(2);
    const read: number[] = [];
    for await (const item of funnel) read.push(item);
    await producing;
    expect(read).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('lets go of producers when the reader leaves, and fails after what was there', async () => {
    const left = new Funnel<number>(1);
    await left.put(1);
    const waiting = left.put(2);
    for await (const _ of left) break;
    await waiting;
    expect(await left.put(3)).toBe(false);
    const failing = new Funnel<number>();
    await failing.put(1);
    failing.fail(new Error('broken'));
    const read: number[] = [];
    const reading = (async () => {
      for await (const item of failing) read.push(item);
    })();
    await expect(reading).rejects.toThrow('broken');
    expect(read).toEqual([1]);
  });
});
