import { VersionSpec } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isHealthy } from '../reconcile/probe.js';
import { tinyCommand } from '../test/start-test-host.js';
import { BundleDriver } from './bundle-driver.js';

const version = VersionSpec.parse({ kind: 'bundle', bundle: `sha256:${'a'.repeat(64)}`, tenancy: 'app' });
const pidOf = (ref: string): number => Number(ref.split('@')[0]);

describe('BundleDriver', () => {
  let driver: BundleDriver;
  let exits: string[];
  beforeEach(() => {
    exits = [];
    driver = new BundleDriver({
      process: { root: import.meta.dirname, bindHost: '127.0.0.1', advertiseHost: '127.0.0.1', path: '/usr/bin:/bin' },
      command: tinyCommand,
      env: { NM_API_URL: 'http://api.test' },
      idleMs: 50,
      onExit: (id) => exits.push(id),
    });
  });
  afterEach(() => driver.close());
  const start = () => driver.start({ instanceId: newId('instance'), version, env: {} });
  const healthy = (address: string) =>
    expect.poll(() => isHealthy(address, '/api/ping'), { timeout: 20_000 }).toBe(true);
  const stopped = (pid: number) =>
    expect
      .poll(
        () => {
          try {
            return process.kill(pid, 0);
          } catch {
            return false;
          }
        },
        { timeout: 20_000 },
      )
      .toBe(false);

  it('serves any number of instances by one process, each with a handle of its own', async () => {
    const handles = await Promise.all([start(), start(), start()]);
    expect(new Set(handles.map(({ address }) => address)).size).toBe(1);
    expect(new Set(handles.map(({ ref }) => ref)).size).toBe(3);
    expect((await driver.list()).map(({ ref }) => ref).sort()).toEqual(handles.map(({ ref }) => ref).sort());
    const [first] = handles;
    await healthy(first.address);
    const env = (await (await fetch(`http://${first.address}/env`)).json()) as Record<string, string>;
    expect(env['NM_API_URL']).toBe('http://api.test');
    expect(env['NM_APP_ID']).toBeUndefined();
  });

  it('takes one away and goes on for the others; ends the process some time after the last', async () => {
    const [one, two] = [await start(), await start()];
    await healthy(one.address);
    await driver.stop(one);
    expect((await driver.inspect(one)).state).toBe('absent');
    await new Promise((resume) => setTimeout(resume, 200));
    expect((await driver.inspect(two)).state).toBe('running');
    await driver.remove(two);
    await stopped(pidOf(two.ref));
    const again = await start();
    await healthy(again.address);
    expect(pidOf(again.ref)).not.toBe(pidOf(two.ref));
  });

  it('tells of every instance when the process ends, and starts another one for the next', async () => {
    const [one, two] = [await start(), await start()];
    await healthy(one.address);
    process.kill(pidOf(one.ref), 'SIGKILL');
    await expect.poll(() => [...exits].sort(), { timeout: 20_000 }).toEqual([one.instanceId, two.instanceId].sort());
    expect((await driver.inspect(one)).state).toBe('exited');
    await driver.remove(one);
    const fresh = await start();
    await healthy(fresh.address);
    expect((await driver.inspect(two)).state).toBe('absent');
  });

  it('takes bundles only, and leaves alone what another operator serves', async () => {
    expect(driver.refuses(VersionSpec.parse({ kind: 'container', command: ['x'] }))).toContain('no bundle');
    expect(driver.refuses(version)).toBeUndefined();
    const handle = await start();
    await healthy(handle.address);
    await driver.stop({ ...handle, ref: `${handle.ref}x` });
    expect((await driver.inspect(handle)).state).toBe('running');
  });
});
