import { existsSync } from 'node:fs';
import { VersionSpec } from '@nm/kernel/contracts';
import { expect, it } from 'vitest';
import { type Dockerd, startDockerd } from '../../../testing/dockerd.js';
import { describeWith } from '../../../testing/needs.js';
import {
  buildGuestbookImage,
  buildImage,
  buildNodeBaseImage,
  nodeBaseImage,
} from '../../../testing/node-base-image.js';
import { isHealthy } from '../reconcile/probe.js';
import type { RuntimeHandle } from '../runtime-driver.js';
import { conformanceSuite } from '../test/runtime-driver.conformance.js';
import type { DockerDriver } from './docker-driver.js';
import { openDocker } from './open-docker.js';

describeWith(['docker'], 'the docker driver', () => {
  let dockerd: Dockerd;
  let driver: DockerDriver;
  let image: string;
  const exits: string[] = [];
  const open = async (options: { realm?: string; publishHost?: string } = {}) =>
    (
      await openDocker({
        socketPath: dockerd.socket,
        network: 'nm-test',
        realm: 'test',
        onExit: (id) => exits.push(id),
        ...options,
      })
    ).driver;
  conformanceSuite(
    async () => {
      dockerd = await startDockerd();
      await buildNodeBaseImage(dockerd.engine);
      image = await buildImage(dockerd.engine, {
        tag: 'nmachine-test/tiny:1',
        dockerfile: 'libs/features/runtime/test/Dockerfile.tiny',
        files: ['libs/features/runtime/test/tiny-kama.mjs'],
        buildargs: { BASE_IMAGE: nodeBaseImage },
      });
      driver = await open();
      // HOSTNAME and HOME are set by the engine.
      return {
        driver,
        exits,
        runs: { image },
        another: await open(),
        addsFiles: 'EACCES',
        own: ['PATH', 'HOSTNAME', 'HOME'],
      };
    },
    async () => {
      await driver?.close();
      await dockerd?.stop();
    },
  );

  const run = async (resources: object = {}, from = driver): Promise<RuntimeHandle> => {
    const version = VersionSpec.parse({ kind: 'container', image, resources });
    const handle = await from.start({ instanceId: `kin_${exits.length}${performance.now()}`, version, env: {} });
    await expect.poll(() => isHealthy(handle.address, '/api/ping'), { timeout: 10_000, interval: 20 }).toBe(true);
    return handle;
  };
  const get = async <T>(handle: RuntimeHandle, path: string): Promise<T> =>
    (await fetch(`http://${handle.address}${path}`, { headers: { connection: 'close' } })).json() as Promise<T>;

  it('runs an image that would run as root as nobody, on a root file system that cannot be written', async () => {
    const handle = await run();
    expect(await get(handle, '/facts')).toMatchObject({ uid: 65532 });
    expect(await get(handle, '/writes')).toEqual({ root: 'EROFS', tmp: 'ok' });
    const { HostConfig } = await dockerd.engine.getContainer(handle.ref).inspect();
    expect(HostConfig).toMatchObject({ CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'], Privileged: false });
    await driver.remove(handle);
  });

  it('keeps the limits of the version: one that eats memory is killed, and it says so', async () => {
    const handle = await run({ memoryMib: 96, cpuMillis: 250, pidsMax: 40 });
    const { HostConfig } = await dockerd.engine.getContainer(handle.ref).inspect();
    expect(HostConfig).toMatchObject({ NanoCpus: 250_000_000, PidsLimit: 40, Memory: 96 * 2 ** 20 });
    await get(handle, '/eat');
    await expect.poll(async () => (await driver.inspect(handle)).state, { timeout: 20_000 }).toBe('exited');
    expect(await driver.inspect(handle)).toMatchObject({ exitCode: 137, outOfMemory: true });
    await driver.remove(handle);
  });

  it('finds what an earlier operator left, only in its own realm, and replaces a leftover of the same instance', async () => {
    const handle = await run();
    const [another, stranger] = [await open(), await open({ realm: 'stranger' })];
    expect(await another.list()).toMatchObject([{ ref: handle.ref, instanceId: handle.instanceId }]);
    expect(await stranger.list()).toEqual([]);
    const version = VersionSpec.parse({ kind: 'container', image });
    const next = await another.start({ instanceId: handle.instanceId, version, env: {} });
    expect((await driver.inspect(handle)).state).toBe('absent');
    expect(await another.list()).toHaveLength(1);
    await another.remove(next);
  });

  it('says that an image is not there and cannot be pulled', async () => {
    const version = VersionSpec.parse({ kind: 'container', image: '127.0.0.1:9/no/such:1' });
    await expect(driver.start({ instanceId: 'kin_no_image', version, env: {} })).rejects.toMatchObject({
      code: 'runtime_unavailable',
      publicMessage: expect.stringContaining('127.0.0.1:9/no/such:1 is not on this machine and could not be pulled'),
    });
  });

  it('publishes on an address of the machine when told to', async () => {
    const publishing = await open({ publishHost: '127.0.0.1' });
    const handle = await run({}, publishing);
    expect(handle.address).toMatch(/^127\.0\.0\.1:\d+$/);
    await publishing.remove(handle);
  });

  it('says which engine does not answer', async () => {
    await expect(openDocker({ socketPath: '/no/docker.sock', network: 'x', realm: 'x' })).rejects.toMatchObject({
      code: 'runtime_unavailable',
    });
  });

  it('runs the guestbook from the image of its Dockerfile', async () => {
    expect(existsSync('dist/examples/guestbook/src/main.js'), 'run `npm run build` first').toBe(true);
    const version = VersionSpec.parse({ kind: 'container', image: await buildGuestbookImage(dockerd.engine) });
    const beganMs = performance.now();
    const handle = await driver.start({ instanceId: 'kin_guestbook', version, env: { NM_APP_ID: 'app_1' } });
    await expect.poll(() => isHealthy(handle.address, '/api/ping'), { timeout: 10_000, interval: 20 }).toBe(true);
    console.log(`guestbook in a container: ${Math.round(performance.now() - beganMs)} ms`);
    expect(await get(handle, '/api/status')).toMatchObject({ app_id: 'app_1', is_healthy: false });
    const stopMs = performance.now();
    await driver.stop(handle, 5_000);
    expect(performance.now() - stopMs).toBeLessThan(2_000);
    expect((await driver.inspect(handle)).exitCode).toBe(0);
    await driver.remove(handle);
  });
});
