import { FakeClock } from '@nm/kernel/time';
import { describe, expect, it } from 'vitest';
import { InstanceTouches } from './instance-touches.js';

describe('InstanceTouches', () => {
  it('tells of a use once, and again at most every third of the idle time', async () => {
    const clock = new FakeClock();
    const sent: string[][] = [];
    const touches = new InstanceTouches({ clock, touch: async (ids) => void sent.push([...ids]), inUse: () => [] });
    touches.used('a', 30);
    touches.used('a', 30);
    await touches.flush();
    touches.used('a', 30);
    await touches.flush();
    await clock.advance(9_999);
    await touches.flush();
    expect(sent).toEqual([['a']]);
    await clock.advance(1);
    await touches.flush();
    expect(sent).toEqual([['a'], ['a']]);
    await clock.advance(60_000);
    await touches.flush();
    expect(sent).toHaveLength(2);
  });

  it('counts an open stream as use for as long as it is open, and repeats what failed', async () => {
    const clock = new FakeClock();
    const open = new Set([{ instanceId: 'a', idleSeconds: 6 }]);
    const sent: string[][] = [];
    let away = true;
    const touch = async (ids: readonly string[]) => {
      if (away) throw new Error('store away');
      sent.push([...ids]);
    };
    const touches = new InstanceTouches({ clock, touch, inUse: () => open });
    await expect(touches.flush()).rejects.toThrow('store away');
    away = false;
    for (let second = 0; second < 6; second++) {
      await touches.flush();
      await clock.advance(1_000);
    }
    expect(sent).toHaveLength(3);
    open.clear();
    await touches.flush();
    expect(sent).toHaveLength(4);
    await clock.advance(60_000);
    await touches.flush();
    expect(sent).toHaveLength(4);
  });
});
