import { VersionSpec } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { isHealthy } from '../reconcile/probe.js';
import { logBytesMax, type RuntimeDriver, type RuntimeHandle } from '../runtime-driver.js';

export interface DriverUnderTest {
  readonly driver: RuntimeDriver;
  /** Instances whose end the driver has announced. */
  readonly exits: string[];
  /** What makes the tiny KAMA run with this driver. */
  readonly runs: { readonly command: string[] } | { readonly image: string };
  /** A second driver on the same machine or engine, as another operator has it. */
  readonly another: RuntimeDriver;
  /** What a KAMA meets that adds a file to its folder. */
  readonly addsFiles: 'ok' | 'EACCES';
  /** Variables that a KAMA may have besides those that it is given. */
  readonly own: readonly string[];
}

/** conformanceSuite is what every runtime driver guarantees; call it inside a `describe`. */
export function conformanceSuite(open: () => Promise<DriverUnderTest>, close: () => Promise<void>): void {
  let subject: DriverUnderTest;
  const handles: RuntimeHandle[] = [];
  beforeAll(async () => {
    subject = await open();
  });
  afterEach(async () => {
    for (const handle of handles.splice(0)) await subject.driver.remove(handle);
    expect(await subject.driver.list(), 'nothing is left').toEqual([]);
  });
  afterAll(() => close());

  const start = async (env: Record<string, string> = {}, resources = {}) => {
    const version = VersionSpec.parse({ kind: 'container', ...subject.runs, env, resources });
    const handle = await subject.driver.start({ instanceId: newId('instance'), version, env: { NM_APP: 'guestbook' } });
    handles.push(handle);
    return handle;
  };
  const healthy = async (handle: RuntimeHandle) => {
    await expect.poll(() => isHealthy(handle.address, '/api/ping'), { timeout: 10_000, interval: 20 }).toBe(true);
    return handle;
  };
  const get = async <T>(handle: RuntimeHandle, path: string): Promise<T> =>
    (await fetch(`http://${handle.address}${path}`, { headers: { connection: 'close' } })).json() as Promise<T>;
  const exited = (handle: RuntimeHandle) =>
    expect.poll(async () => (await subject.driver.inspect(handle)).state, { timeout: 10_000 }).toBe('exited');

  it('starts a KAMA that answers at the address it gives', async () => {
    const handle = await healthy(await start());
    expect(await subject.driver.inspect(handle)).toEqual({ state: 'running', address: handle.address });
    expect(await subject.driver.list()).toMatchObject([{ instanceId: handle.instanceId, ref: handle.ref }]);
  });

  it('gives it the variables of the contract and nothing of its own surroundings', async () => {
    const handle = await healthy(await start({ LANGUAGE: 'en' }));
    const { PORT, HOST, NM_APP, LANGUAGE, ...rest } = await get<Record<string, string>>(handle, '/env');
    expect({ NM_APP, LANGUAGE }).toEqual({ NM_APP: 'guestbook', LANGUAGE: 'en' });
    expect(Number(PORT)).toBeGreaterThan(0);
    expect(HOST).toBeTruthy();
    expect(Object.keys(rest).filter((name) => !subject.own.includes(name))).toEqual([]);
  });

  it('does not let a version overrule what NMachine says', async () => {
    const version = VersionSpec.parse({ kind: 'container', ...subject.runs });
    const handle = await subject.driver.start({
      instanceId: newId('instance'),
      version: { ...version, env: { NM_APP: 'another', PORT: '1', HOST: '8.8.8.8' } },
      env: { NM_APP: 'guestbook' },
    });
    handles.push(handle);
    await healthy(handle);
    expect(await get(handle, '/env')).toMatchObject({ NM_APP: 'guestbook' });
  });

  it('puts files into its folder, replaces them while it runs, and leaves nothing of them', async () => {
    const version = VersionSpec.parse({ kind: 'container', ...subject.runs });
    const instanceId = newId('instance');
    const folder = subject.driver.folderOf?.(instanceId);
    const env = { KUBECONFIG: `${folder}/kubeconfig`, NM_CLUSTER_TOKEN_FILE: `${folder}/token` };
    const start = async (files: Record<string, string>) => {
      const handle = await subject.driver.start({ instanceId, version, env, files });
      handles.push(handle);
      return healthy(handle);
    };
    const handle = await start({ kubeconfig: 'k', token: 'first' });
    expect(await get(handle, '/loan')).toEqual({ kubeconfig: 'k', token: 'first', add: subject.addsFiles });
    await subject.driver.writeFiles?.(handle, { token: 'second' });
    expect(await get(handle, '/loan')).toMatchObject({ kubeconfig: 'k', token: 'second' });
    await subject.driver.remove(handle);
    expect(await get(await start({}), '/loan')).toMatchObject({ kubeconfig: 'ENOENT', token: 'ENOENT' });
  });

  it('stops it with SIGTERM, well within the grace, and keeps its last words until it is removed', async () => {
    const handle = await healthy(await start());
    const beganMs = performance.now();
    await subject.driver.stop(handle, 8_000);
    expect(performance.now() - beganMs).toBeLessThan(4_000);
    expect(await subject.driver.inspect(handle)).toMatchObject({ state: 'exited', exitCode: 0 });
    expect((await subject.driver.logs(handle)).toString()).toContain('told to stop');
    await subject.driver.stop(handle, 1_000);
    await subject.driver.remove(handle);
    await subject.driver.remove(handle);
    expect((await subject.driver.inspect(handle)).state).toBe('absent');
    await subject.driver.stop(handle, 1_000);
  });

  it('kills one that ignores SIGTERM when the grace is over, and not before', async () => {
    const handle = await healthy(await start({ TINY_STUBBORN: 'yes' }));
    const beganMs = performance.now();
    await subject.driver.stop(handle, 700);
    const tookMs = performance.now() - beganMs;
    expect(tookMs).toBeGreaterThanOrEqual(690);
    expect(tookMs).toBeLessThan(4_000);
    expect(await subject.driver.inspect(handle)).toMatchObject({ state: 'exited', exitCode: 137 });
  });

  it('tells of a crash at once, with its exit code', async () => {
    const handle = await healthy(await start());
    await get(handle, '/exit');
    await expect.poll(() => subject.exits, { timeout: 5_000 }).toContain(handle.instanceId);
    expect(await subject.driver.inspect(handle)).toMatchObject({ state: 'exited', exitCode: 7 });
  });

  it('keeps the newest output, up to 1 MiB', async () => {
    const handle = await healthy(await start());
    expect((await subject.driver.logs(handle)).toString()).toContain('tiny kama');
    await get(handle, '/shout');
    await expect.poll(async () => (await subject.driver.logs(handle)).toString()).toMatch(/the last line\n$/);
    const { length } = await subject.driver.logs(handle);
    expect(length).toBeGreaterThan(logBytesMax / 2);
    expect(length).toBeLessThanOrEqual(logBytesMax);
  });

  it('can be stopped by another operator on the same machine, but not from elsewhere', async () => {
    const handle = await healthy(await start());
    expect((await subject.another.inspect(handle)).state).toBe('running');
    expect((await subject.another.inspect({ ...handle, place: 'elsewhere' })).state).toBe('absent');
    await subject.another.stop({ ...handle, place: 'elsewhere' }, 0);
    expect((await subject.driver.inspect(handle)).state).toBe('running');
    await subject.another.stop(handle, 5_000);
    await exited(handle);
  });

  it('says in a sentence why something cannot be started', async () => {
    const none = VersionSpec.parse({
      kind: 'container',
      ...('image' in subject.runs ? { command: ['true'] } : { image: 'x' }),
    });
    expect(subject.driver.refuses(none)).toMatch(/^This version has .*\.$/);
    expect(subject.driver.refuses(VersionSpec.parse({ kind: 'container', ...subject.runs }))).toBeUndefined();
  });
}
