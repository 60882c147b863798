import { requestWake } from '@nm/features/runtime';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Dockerd, startDockerd } from '../../../libs/testing/dockerd.js';
import { describeWith } from '../../../libs/testing/needs.js';
import { buildGuestbookImage, buildNodeBaseImage } from '../../../libs/testing/node-base-image.js';
import { seedVersion } from '../../../libs/testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { type OperatorProcess, startOperatorProcess } from './start-operator-process.js';

describeWith(['docker'], 'the operator as it is started (docker driver, guestbook)', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  let dockerd: Dockerd;
  let image: string;
  const operators: OperatorProcess[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    dockerd = await startDockerd();
    await buildNodeBaseImage(dockerd.engine);
    image = await buildGuestbookImage(dockerd.engine);
  });
  afterAll(async () => {
    for (const operator of operators) await operator.end('SIGKILL');
    await dockerd?.stop();
    await owner?.end();
    await database?.close();
  });

  const start = async (env: Record<string, string> = {}) => {
    const operator = await startOperatorProcess({
      NM_DATABASE_URL: database.url,
      NM_RUNTIME_DRIVERS: 'auto',
      NM_DOCKER_SOCKET: dockerd.socket,
      NM_DRAIN_MS: '4000',
      ...env,
    });
    operators.push(operator);
    return operator;
  };
  const row = async (id: string) => (await owner.query('SELECT * FROM instance WHERE id = $1', [id])).rows[0];
  const until = (id: string, observed: string) =>
    expect.poll(async () => (await row(id)).observed, { timeout: 15_000, interval: 20 }).toBe(observed);
  const containers = () => dockerd.engine.listContainers({ all: true });

  it('chooses containers because an engine answers, goes on with those of a killed operator, and leaves none behind', async () => {
    const first = await start();
    const version = await seedVersion(owner, { spec: { image, command: ['false'] } });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'ready');
    const before = await row(instanceId);
    console.log(`first wake of the guestbook as a container: ${before.ready_at - before.wanted_at} ms`);
    expect(before.driver).toBe('docker');
    expect((await fetch(`http://${before.address}/api/status`)).status).toBe(200);

    await first.end('SIGKILL');
    const second = await start();
    await expect.poll(async () => (await row(instanceId)).owner, { timeout: 15_000 }).not.toBe(before.owner);
    const after = await row(instanceId);
    expect(after).toMatchObject({ observed: 'ready', address: before.address, restarts: 0 });
    expect(after.handle.ref, 'the same container').toBe(before.handle.ref);
    expect((await fetch(`http://${after.address}/api/ping`)).status).toBe(200);

    const beganMs = performance.now();
    expect(await second.end('SIGTERM')).toBe(0);
    expect(performance.now() - beganMs, 'within its drain time').toBeLessThan(6_000);
    expect(await containers()).toEqual([]);
    const left = await row(instanceId);
    expect(left).toMatchObject({ observed: 'stopped', desired: 'stopped', owner: null, handle: null });
    expect(left.log_tail.toString()).toContain('guestbook KAMA listens');
  });

  it('sees a container that somebody removed, and runs a new one for the next who asks', async () => {
    const operator = await start();
    const version = await seedVersion(owner, { spec: { image } });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'ready');
    const { handle } = await row(instanceId);
    await dockerd.engine.getContainer(handle.ref).remove({ force: true });
    await until(instanceId, 'crashed');
    await requestWake(database.db, version);
    await until(instanceId, 'ready');
    expect(await containers()).toHaveLength(1);
    expect(await operator.end('SIGTERM')).toBe(0);
    expect(await containers()).toEqual([]);
  });

  it('says in the row that an image is not there and cannot be pulled', async () => {
    const operator = await start();
    const version = await seedVersion(owner, { spec: { image: '127.0.0.1:9/no/such:1' } });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'crashed');
    expect((await row(instanceId)).message).toContain('is not on this machine and could not be pulled');
    expect(await operator.end('SIGTERM')).toBe(0);
  });

  it('ends at once, with a sentence, when the engine that was asked for does not answer', async () => {
    const failed = startOperatorProcess({
      NM_DATABASE_URL: database.url,
      NM_RUNTIME_DRIVERS: 'docker',
      NM_DOCKER_SOCKET: '/no/docker.sock',
    });
    await expect(failed).rejects.toThrow(/No container engine can be used at \/no\/docker\.sock/);
  });
});
