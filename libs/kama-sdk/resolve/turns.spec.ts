import { FakeClock, systemClock } from '@nm/kernel/time';
import { describe, expect, it } from 'vitest';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { openSession } from '../session/session.js';
import { files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';
import { Turns } from './turns.js';

describe('Turns', () => {
  it('gives one turn to each tenant in a row, however many evaluations a tenant has', async () => {
    const turns = new Turns(systemClock);
    const order: string[] = [];
    const wait = (tenant: string) =>
      turns
        .share(tenant)
        .pause()
        .then(() => order.push(tenant));
    await Promise.all([...Array.from({ length: 6 }, () => wait('greedy')), wait('one'), wait('two')]);
    expect(order.slice(0, 3).sort()).toEqual(['greedy', 'one', 'two']);
    expect(order.slice(3)).toEqual(Array(5).fill('greedy'));
  });

  it('refuses who has used up his processor time, until some of it is back, and nobody else', async () => {
    const clock = new FakeClock();
    const turns = new Turns(clock, { burstMs: 1_000, part: 0.5 });
    turns.charge('spent', 3_000);
    expect(() => turns.share('spent')).toThrowError(
      expect.objectContaining({ code: 'install_busy', retryAfterSeconds: 4 }),
    );
    turns.share('other');
    await clock.advance(3_900);
    expect(() => turns.share('spent')).toThrow();
    await clock.advance(200);
    turns.share('spent');
  });

  it('ends an evaluation in its middle when its tenant has used up his time', async () => {
    const clock = new FakeClock();
    const turns = new Turns(clock, { burstMs: 10 });
    const share = turns.share('spent');
    expect(share.worked(20)).toBe(true);
    await expect(share.pause()).rejects.toMatchObject({ code: 'install_busy' });
  });

  it('lets an evaluation without an end be followed by others while it works', async () => {
    const doubling = Array.from(
      { length: 40 },
      (_, n) => `kind: Supplier\nid: s${n}\nsource: [get::id::s${n + 1}, get::id::s${n + 1}]\n`,
    ).join('---\n');
    const bundle = loadBundle(files(`${doubling}---\nkind: Supplier\nid: s40\nsource: 1\n`));
    const turns = new Turns(systemClock, { burstMs: 600_000 });
    const open = (tenant: string) =>
      openSession(bundle, {
        kamafile: aKamafile(),
        namespace: 'n',
        share: turns.share(tenant),
        budget: { steps: 10_000_000, timeMs: 600_000 },
        signal: over.signal,
      });
    const over = new AbortController();
    let ended = false;
    const endless = Promise.allSettled(Array.from({ length: 5 }, () => open('hostile').resolve('s0'))).then(() => {
      ended = true;
    });
    expect(await open('other').resolve('s40')).toBe(1);
    const beats: boolean[] = [];
    for (let n = 0; n < 5; n += 1) {
      await new Promise((resume) => setTimeout(resume, 1));
      expect(await open('other').resolve('s36')).toHaveLength(2);
      beats.push(ended);
    }
    expect(beats).toEqual(Array(5).fill(false));
    over.abort();
    await endless;
  });
});
