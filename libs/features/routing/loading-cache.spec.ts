import { FakeClock } from '@nm/kernel/time';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoadingCache } from './loading-cache.js';

/** A store whose reads end when the test says so. */
function slowStore() {
  const pending: { key: string; answer: (value: string | undefined) => void; fail: (error: Error) => void }[] = [];
  const load = (key: string) =>
    new Promise<string | undefined>((answer, fail) => {
      pending.push({ key, answer, fail });
    });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { pending, load, settle };
}
const make = (load: (key: string) => Promise<string | undefined>, clock = new FakeClock()) =>
  new LoadingCache<string | undefined>({
    clock,
    max: 3,
    load,
    ttlMs: (value) => (value === undefined ? 2000 : Infinity),
  });

describe('LoadingCache', () => {
  it('loads once for everybody who asks at the same time, and then answers at once', async () => {
    const { pending, load, settle } = slowStore();
    const cache = make(load);
    const asked = ['a', 'a', 'a'].map(async (key) => cache.get(key));
    await settle();
    expect(pending).toHaveLength(1);
    pending[0]!.answer('1');
    expect(await Promise.all(asked)).toEqual(['1', '1', '1']);
    expect(cache.get('a')).toBe('1');
  });

  it('never keeps what was read before a drop, and nobody who asks after it gets that', async () => {
    const { pending, load, settle } = slowStore();
    const cache = make(load);
    const before = cache.get('a');
    await settle();
    cache.drop('a');
    const after = cache.get('a');
    await settle();
    expect(pending).toHaveLength(2);
    pending[0]!.answer('old');
    await settle();
    expect(cache.peek('a')).toBeUndefined();
    pending[1]!.answer('new');
    expect(await Promise.all([before, after])).toEqual(['new', 'new']);
    expect(cache.get('a')).toBe('new');
  });

  it('reads again for who waits already, when nobody else does', async () => {
    const { pending, load, settle } = slowStore();
    const cache = make(load);
    const waiting = cache.get('a');
    await settle();
    cache.drop('a');
    pending[0]!.answer('old');
    await settle();
    // A second change during the second read: it must not be kept either.
    cache.drop('a');
    pending[1]!.answer('older');
    await settle();
    pending[2]!.answer('new');
    expect(await waiting).toBe('new');
    expect(cache.get('a')).toBe('new');
  });

  it('remembers what is absent for two seconds only', async () => {
    const clock = new FakeClock();
    let value: string | undefined;
    const cache = make(async () => value, clock);
    expect(await cache.get('a')).toBeUndefined();
    value = 'there';
    await clock.advance(1999);
    expect(await cache.get('a')).toBeUndefined();
    await clock.advance(1);
    expect(await cache.get('a')).toBe('there');
  });

  it('does not remember a failure', async () => {
    let fails = true;
    const cache = make(async () => {
      if (fails) throw new Error('away');
      return 'back';
    });
    await expect(cache.get('a')).rejects.toThrow('away');
    fails = false;
    expect(await cache.get('a')).toBe('back');
  });

  it('is bounded', async () => {
    const cache = make(async (key) => key);
    for (const key of 'abcdef') await cache.get(key);
    expect(cache.size).toBe(3);
  });

  it('drops a group and nothing else, a read of it that is under way included', async () => {
    const { pending, load, settle } = slowStore();
    const cache = new LoadingCache<string | undefined>({
      clock: new FakeClock(),
      max: 10,
      load,
      groupOf: (value) => value?.split(':')[0],
    });
    const read = async (key: string, value: string) => {
      const asked = cache.get(key);
      await settle();
      pending.shift()!.answer(value);
      return asked;
    };
    await read('a', 'mine:1');
    await read('b', 'mine:2');
    await read('c', 'other:1');
    const [mine, other] = [cache.get('d'), cache.get('e')];
    await settle();
    cache.dropGroup('mine');
    expect([cache.peek('a'), cache.peek('b'), cache.peek('c')]).toEqual([undefined, undefined, 'other:1']);
    pending.shift()!.answer('mine:old');
    pending.shift()!.answer('other:2');
    await settle();
    expect([cache.peek('d'), cache.peek('e')]).toEqual([undefined, 'other:2']);
    pending.shift()!.answer('mine:new');
    expect(await Promise.all([mine, other])).toEqual(['mine:new', 'other:2']);
    expect(pending).toHaveLength(0);
  });

  it('refuses, instead of telling something old, when a group changes faster than it can be read', async () => {
    let reads = 0;
    const cache: LoadingCache<string> = new LoadingCache<string>({
      clock: new FakeClock(),
      max: 10,
      load: async () => {
        reads++;
        await Promise.resolve();
        cache.dropGroup('g');
        return 'v';
      },
      groupOf: () => 'g',
    });
    await expect(cache.get('a')).rejects.toThrow(/store_unavailable/);
    expect(reads).toBe(10);
  });

  it('forgets the groups of what it evicts', async () => {
    let held = 0;
    const cache = new LoadingCache<string>({
      clock: new FakeClock(),
      max: 3,
      load: async (key) => key,
      groupOf: (value) => `g-${value}`,
    });
    for (const key of 'abcdef') await cache.get(key);
    cache.dropGroup('g-a');
    cache.dropGroup('g-f');
    for (const key of 'abcdef') if (cache.peek(key) !== undefined) held++;
    expect(held).toBe(2);
  });

  it('under any order of changes and reads, never answers from memory with an older value than the last announced one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('write', 'read'), { minLength: 4, maxLength: 14 }),
        async (scheduler, steps) => {
          let stored = 0;
          let announced = 0;
          const cache = new LoadingCache<number>({
            clock: new FakeClock(),
            max: 3,
            load: async () => {
              const value = stored;
              await scheduler.schedule(Promise.resolve());
              return value;
            },
          });
          const work = steps.map((step) =>
            scheduler.schedule(Promise.resolve()).then(async () => {
              if (step === 'read') {
                const floor = announced;
                expect(await cache.get('a')).toBeGreaterThanOrEqual(floor);
                return;
              }
              stored++;
              const value = stored;
              await scheduler.schedule(Promise.resolve());
              cache.drop('a');
              announced = Math.max(announced, value);
            }),
          );
          await scheduler.waitFor(Promise.all(work));
          const kept = cache.peek('a');
          if (kept !== undefined) expect(kept).toBe(stored);
        },
      ),
      { numRuns: 300 },
    );
  });
});
