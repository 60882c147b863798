import { requestWake } from '@nm/features/runtime';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { seedVersion } from '../../../libs/testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { type OperatorProcess, startOperatorProcess } from './start-operator-process.js';

const guestbook = { command: ['node', 'dist/examples/guestbook/src/main.js'], healthPath: '/api/ping' };

describe('the operator as it is started (process driver, guestbook)', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  const operators: OperatorProcess[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
  });
  afterEach(async () => {
    for (const operator of operators.splice(0)) await operator.end('SIGTERM');
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  const start = async () => {
    const operator = await startOperatorProcess({
      NM_DATABASE_URL: database.url,
      NM_RUNTIME_DRIVERS: 'process',
    });
    operators.push(operator);
    return operator;
  };
  const row = async (id: string) => (await owner.query('SELECT * FROM instance WHERE id = $1', [id])).rows[0];
  const until = (id: string, observed: string) =>
    expect.poll(async () => (await row(id)).observed, { timeout: 10_000, interval: 10 }).toBe(observed);
  const pidOf = async (id: string) => Number(/^\d+/.exec((await row(id)).handle.ref)?.[0]);
  const alive = (pid: number) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };

  it('wakes the guestbook, and leaves no process and a clean row when it is told to stop', async () => {
    const operator = await start();
    const version = await seedVersion(owner, { spec: guestbook });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'ready');
    const { address } = await row(instanceId);
    const answer = await fetch(`http://${address}/api/status`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      app_id: version.appId,
      cluster_connection: { is_k8kat_connected: false },
    });
    const pid = await pidOf(instanceId);
    expect(await operator.end('SIGTERM')).toBe(0);
    expect(alive(pid)).toBe(false);
    expect(await row(instanceId)).toMatchObject({ observed: 'stopped', desired: 'stopped', owner: null, handle: null });
  });

  it('wakes the guestbook fast, time after time', async () => {
    const operator = await start();
    const version = await seedVersion(owner, { spec: guestbook });
    const { instanceId } = await requestWake(database.db, version);
    const tookMs: number[] = [];
    for (let round = 0; round < 6; round++) {
      await until(instanceId, 'ready');
      const { wanted_at, ready_at } = await row(instanceId);
      tookMs.push(ready_at - wanted_at);
      await owner.query(`UPDATE instance SET ready_at = 'epoch', wanted_at = 'epoch' WHERE id = $1`, [instanceId]);
      await expect.poll(async () => (await row(instanceId)).owner, { timeout: 10_000, interval: 10 }).toBeNull();
      await requestWake(database.db, version);
    }
    const median = tookMs.slice(1).sort((a, b) => a - b)[2]!;
    console.log(
      `wake of the guestbook as a process: median ${median} ms of ${tookMs.slice(1).join(', ')}; the first ${tookMs[0]} ms`,
    );
    expect(median).toBeLessThan(1_500);
    expect(await operator.end('SIGTERM')).toBe(0);
  });

  it('loses nothing to kill -9: the process dies with its operator, and the next operator runs the instance again', async () => {
    const first = await start();
    const version = await seedVersion(owner, { spec: guestbook });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'ready');
    const pid = await pidOf(instanceId);
    await first.end('SIGKILL');
    await expect.poll(() => alive(pid), { timeout: 3_000 }).toBe(false);
    expect((await row(instanceId)).observed, 'nobody was left to write it down').toBe('ready');
    const second = await start();
    await expect
      .poll(async () => (await row(instanceId)).handle?.ref, { timeout: 10_000 })
      .not.toMatch(new RegExp(`^${pid}@`));
    await until(instanceId, 'ready');
    const again = await row(instanceId);
    expect((await fetch(`http://${again.address}/api/ping`)).status).toBe(200);
    expect(again.restarts, 'the loss of an operator is no crash of the app').toBe(0);
    const next = await pidOf(instanceId);
    expect(await second.end('SIGTERM')).toBe(0);
    expect(alive(next)).toBe(false);
  });
});
