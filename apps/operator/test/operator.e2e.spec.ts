import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { requestWake } from '@nm/features/runtime';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../libs/testing/free-port.js';
import { seedVersion } from '../../../libs/testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';

const projectRoot = resolve(import.meta.dirname, '../../..');
const guestbook = { command: ['node', 'dist/examples/guestbook/src/main.js'], healthPath: '/api/ping' };

describe('the operator as it is started (process driver, guestbook)', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  const operators: { child: ChildProcess; output: () => string }[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
  });
  afterEach(async () => {
    for (const { child } of operators.splice(0)) await end(child, 'SIGTERM');
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
    child.kill(signal);
    return ended;
  };
  const start = async () => {
    const opsPort = await freePort();
    const child = spawn(process.execPath, [join(projectRoot, 'dist/apps/operator/src/main.js')], {
      cwd: projectRoot,
      env: {
        PATH: `${join(projectRoot, 'node_modules/.bin')}:/usr/bin:/bin`,
        NM_DATABASE_URL: database.url,
        NM_OPS_PORT: String(opsPort),
        NM_RUNTIME_DRIVERS: 'process',
        NM_TEST_SECRET: 'must not be inherited',
      },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk));
    const operator = { child, output: () => text };
    operators.push(operator);
    await expect
      .poll(
        () =>
          fetch(`http://127.0.0.1:${opsPort}/readyz`).then(
            (r) => r.status,
            () => text,
          ),
        { timeout: 15_000 },
      )
      .toBe(200);
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
    const { address, wanted_at, ready_at } = await row(instanceId);
    const answer = await fetch(`http://${address}/api/status`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      app_id: version.appId,
      cluster_connection: { is_k8kat_connected: false },
    });
    console.log(`wake: ${ready_at - wanted_at} ms`);
    const pid = await pidOf(instanceId);
    expect(await end(operator.child, 'SIGTERM')).toBe(0);
    expect(alive(pid)).toBe(false);
    expect(await row(instanceId)).toMatchObject({ observed: 'stopped', desired: 'stopped', owner: null, handle: null });
  });

  it('loses nothing to kill -9: the process dies with its operator, and the next operator runs the instance again', async () => {
    const first = await start();
    const version = await seedVersion(owner, { spec: guestbook });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'ready');
    const pid = await pidOf(instanceId);
    await end(first.child, 'SIGKILL');
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
    expect(await end(second.child, 'SIGTERM')).toBe(0);
    expect(alive(next)).toBe(false);
  });
});
