import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { claimPorts, ephemeralStart, portsFrom } from './ports.ts';

it('stays below the ports that the kernel hands out', async () => {
  const { ports, lock } = await claimPorts();
  await lock.release();
  expect(Math.max(...Object.values(ports))).toBeLessThan(ephemeralStart());
});

it('gives two clusters that start at once different ports', async () => {
  const [a, b] = await Promise.all([claimPorts(), claimPorts()]);
  const all = [...Object.values(a.ports), ...Object.values(b.ports)];
  await Promise.all([a.lock.release(), b.lock.release()]);
  expect(new Set(all).size).toBe(all.length);
});

it('gives a cluster its former ports back, unless somebody listens on one of them', async () => {
  const { ports, lock } = await claimPorts(31_370);
  await lock.release();
  expect(ports).toEqual(portsFrom(31_370));
  const stranger = createServer().listen(ports.etcd, '127.0.0.1');
  await new Promise((resolve) => stranger.once('listening', resolve));
  const next = await claimPorts(31_370);
  stranger.close();
  await next.lock.release();
  expect(next.ports.api).not.toBe(31_370);
});
