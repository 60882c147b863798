import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { tryLock, withLock } from './lock.ts';
import { nodeBinary } from './node-binary.ts';

const key = (name: string) => `test:${process.pid}:${name}`;

it('gives a lock to one holder at a time and again after its release', async () => {
  const first = await tryLock(key('one'));
  expect(first).toBeDefined();
  expect(await tryLock(key('one'))).toBeUndefined();
  await first?.release();
  const second = await tryLock(key('one'));
  expect(second).toBeDefined();
  await second?.release();
});

it('lets a waiting one in when the first is done, and tells it once who is first', async () => {
  const order: string[] = [];
  const told: number[] = [];
  let finish: () => void = () => undefined;
  const first = withLock(key('wait'), async () => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    order.push('first');
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const second = withLock(key('wait'), async () => order.push('second'), { onWait: (pid) => told.push(pid) });
  await expect.poll(() => told).toEqual([process.pid]);
  finish();
  await Promise.all([first, second]);
  expect(order).toEqual(['first', 'second']);
});

it('is free again when its holder was killed', async () => {
  const script = `import { tryLock } from ${JSON.stringify(new URL('./lock.ts', import.meta.url).href)};
    await tryLock(${JSON.stringify(key('killed'))}); console.log('held'); setInterval(() => undefined, 1000);`;
  const holder = spawn(nodeBinary(), ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  expect(await tryLock(key('killed'))).toBeUndefined();
  holder.kill('SIGKILL');
  await expect(withLock(key('killed'), async () => 'mine')).resolves.toBe('mine');
});

it('stops waiting when it is told to', async () => {
  const lock = await tryLock(key('abort'));
  const waiting = withLock(key('abort'), async () => 'never', { signal: AbortSignal.timeout(50) });
  await expect(waiting).rejects.toThrow(/timeout/);
  await lock?.release();
});
