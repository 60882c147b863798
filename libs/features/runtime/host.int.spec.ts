import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { seedVersion } from '../../testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import type { Lend } from './loans/cluster-loans.js';
import { requestWake } from './request-wake.js';
import { startTestHost, type TestHost, tinyCommand } from './test/start-test-host.js';
import { touchInstances } from './touch-instances.js';

describe('hosting with processes', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  const hosts: TestHost[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
  });
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.stop(2_000)));
    await owner.query('DELETE FROM instance');
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  const host = async (...times: Parameters<typeof startTestHost> extends [unknown, ...infer T] ? T : never) => {
    const started = startTestHost(database.db, ...times);
    hosts.push(started);
    await expect.poll(() => started.isListening(), { timeout: 20_000 }).toBe(true);
    return started;
  };
  const row = async (id: string) => (await owner.query('SELECT * FROM instance WHERE id = $1', [id])).rows[0];
  const until = (id: string, observed: string, timeout = 5_000) =>
    expect.poll(async () => (await row(id))?.observed, { timeout, interval: 20 }).toBe(observed);
  const pidOf = async (id: string): Promise<number> =>
    ((await (await fetch(`http://${(await row(id)).address}/facts`)).json()) as { pid: number }).pid;
  const alive = (pid: number) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };

  it('starts one process for twenty who ask at once, and announces it when it answers', async () => {
    const running = await host();
    const version = await seedVersion(owner, { spec: { command: tinyCommand } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => requestWake(database.db, version)));
    const id = answers[0]!.instanceId;
    await until(id, 'ready');
    expect(await running.driver.list()).toHaveLength(1);
    expect(await row(id)).toMatchObject({ owner: running.owner, driver: 'process', restarts: 0, message: null });
    const { rows } = await owner.query(
      `SELECT count(*)::int AS count FROM outbox WHERE payload->>'kind' = 'instance' AND payload->>'id' = $1`,
      [id],
    );
    expect(rows[0].count, 'starting and ready').toBe(2);
  });

  it('gives each install of a version its own process, which knows its install', async () => {
    await host();
    const version = await seedVersion(owner, { spec: { command: tinyCommand }, installs: 2 });
    const ids = await Promise.all(
      version.installIds.map(
        async (installId) => (await requestWake(database.db, { ...version, installId })).instanceId,
      ),
    );
    for (const id of ids) await until(id, 'ready');
    const environments = await Promise.all(
      ids.map(
        async (id) => (await fetch(`http://${(await row(id)).address}/env`)).json() as Promise<NodeJS.ProcessEnv>,
      ),
    );
    expect(environments.map((env) => env['NM_INSTALL_ID'])).toEqual(version.installIds);
    expect(environments[0]!['NM_NAMESPACE']).toBe('guestbook');
  });

  describe('the credential of one that serves one install', () => {
    const kubeconfigOf = (token: string) =>
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: 'https://elsewhere.test', 'certificate-authority-data': 'Q0E=' } }],
        users: [{ name: 'u', user: { token } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'guestbook' } }],
        'current-context': 'x',
      });
    const wakeOne = async (lend: Lend) => {
      await host({ lend });
      const version = await seedVersion(owner, { spec: { command: tinyCommand }, installs: 1 });
      const { instanceId } = await requestWake(database.db, { ...version, installId: version.installIds[0] });
      await until(instanceId, 'ready');
      const { address } = await row(instanceId);
      const get = async (path: string) => (await fetch(`http://${address}${path}`)).json() as Promise<Loaned>;
      return { instanceId, env: await get('/env'), loan: () => get('/loan') };
    };
    type Loaned = Readonly<Record<string, string>>;

    it('is there when it starts, is replaced in time under the same ticket, and goes with it', async () => {
      const tickets: string[] = [];
      const { instanceId, env, loan } = await wakeOne(async (ticket) => {
        tickets.push(ticket);
        return { kubeconfig: kubeconfigOf(`token-${tickets.length}`), lifeMs: 1_000 };
      });
      const first = await loan();
      expect(Number(/^token-(\d+)$/.exec(first['token'] ?? '')?.[1])).toBeGreaterThan(0);
      const { clusters, users, contexts } = parse(first['kubeconfig'] ?? '');
      const url = `https://kube.test/clusters/${env['NM_CLUSTER_ID']}/proxy`;
      expect(clusters[0].cluster).toEqual({ server: url, 'certificate-authority-data': 'Q0E=' });
      expect(env['NM_CLUSTER_URL']).toBe(url);
      expect(users[0].user).toEqual({ tokenFile: env['NM_CLUSTER_TOKEN_FILE'] });
      expect(contexts[0].context.namespace).toBe('guestbook');
      await expect.poll(async () => (await loan())['token'], { timeout: 20_000 }).not.toBe(first['token']);
      expect(new Set(tickets).size).toBe(1);
      expect(JSON.stringify([env, await loan()])).not.toContain(tickets[0]);
      expect((await row(instanceId)).ticket_hash).toEqual(hash('sha256', tickets[0] ?? '', 'buffer'));
      await owner.query(`UPDATE instance SET desired = 'stopped' WHERE id = $1`, [instanceId]);
      await expect.poll(async () => (await row(instanceId)).owner, { timeout: 20_000 }).toBeNull();
      expect((await row(instanceId)).ticket_hash).toBeNull();
      expect(existsSync(env['KUBECONFIG'] ?? '')).toBe(false);
    });

    it('may come later: what cannot be had at the start is asked for again while it runs', async () => {
      let attempts = 0;
      const { loan } = await wakeOne(async () => {
        if (++attempts < 2) throw new Error('the API answered 409');
        return { kubeconfig: kubeconfigOf('late'), lifeMs: 3_600_000 };
      });
      await expect.poll(async () => (await loan())['token'], { timeout: 25_000, interval: 100 }).toBe('late');
      expect(attempts).toBe(2);
    });
  });

  it('stops what nobody uses, and wakes it again', async () => {
    await host();
    const version = await seedVersion(owner, { spec: { command: tinyCommand, idleSeconds: 5 } });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'ready');
    const pid = await pidOf(instanceId);
    // Used now, before it is made to look old: in between, it would be stopped for idleness, and rightly.
    await touchInstances(database.db, [instanceId]);
    await owner.query(
      `UPDATE instance SET wanted_at = now() - interval '1 hour', ready_at = now() - interval '1 hour'`,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(alive(pid), 'still in use').toBe(true);
    await owner.query(`UPDATE instance SET last_used_at = now() - interval '6 seconds'`);
    await until(instanceId, 'stopped');
    await expect.poll(() => alive(pid)).toBe(false);
    await expect
      .poll(() => row(instanceId))
      .toMatchObject({ desired: 'stopped', address: null, owner: null, handle: null });
    await requestWake(database.db, version);
    await until(instanceId, 'ready');
  });

  it('sees a crash with its code and last words, and starts again only when somebody asks, and not before its time', async () => {
    await host({ backoffMs: 600 });
    const version = await seedVersion(owner, {
      spec: { command: tinyCommand, env: { TINY_DELAY_MS: '5000', TINY_EXIT_AFTER_MS: '50' } },
    });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'crashed');
    const first = await row(instanceId);
    expect(first).toMatchObject({ desired: 'stopped', restarts: 1, address: null, owner: null });
    expect(first.message).toBe('The instance exited with code 3. Its last line: giving up as told');
    expect(first.log_tail.toString()).toContain('giving up as told');
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect((await row(instanceId)).restarts, 'nobody asked').toBe(1);
    await requestWake(database.db, version);
    await expect.poll(async () => (await row(instanceId)).restarts, { timeout: 4_000 }).toBe(2);
    await requestWake(database.db, version);
    const before = await row(instanceId);
    expect(before.desired).toBe('running');
    await expect.poll(async () => (await row(instanceId)).restarts, { timeout: 5_000, interval: 20 }).toBe(3);
    const after = await row(instanceId);
    expect(after.started_at - before.not_before, 'not before its time').toBeGreaterThanOrEqual(0);
    expect(after.not_before - after.started_at, 'the wait doubles').toBeGreaterThan(2_300);
  });

  it('restarts an instance that crashes after it was ready, when the next request asks', async () => {
    await host({ backoffMs: 50 });
    const version = await seedVersion(owner, { spec: { command: tinyCommand } });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'ready');
    await fetch(`http://${(await row(instanceId)).address}/exit`);
    await until(instanceId, 'crashed');
    expect((await row(instanceId)).message).toContain('exited with code 7');
    await requestWake(database.db, version);
    await until(instanceId, 'ready');
  });

  it('gives up on one that never becomes healthy within startSeconds, and leaves no process', async () => {
    const running = await host();
    const version = await seedVersion(owner, {
      spec: { command: tinyCommand, startSeconds: 1, healthPath: '/never' },
    });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'crashed');
    expect((await row(instanceId)).message).toContain('did not answer 2xx on /never within 1 s');
    await expect.poll(() => running.driver.list()).toHaveLength(0);
  });

  it('says why a version cannot run here at all', async () => {
    await host();
    const version = await seedVersion(owner, { spec: { image: 'example/app:1', command: undefined } as never });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'crashed');
    expect((await row(instanceId)).message).toContain('containers are not available here');
  });

  it('runs one process with two operators, and moves it when the lease of the first has ended', async () => {
    const [one, two] = [await host({ leaseMs: 900 }), await host({ leaseMs: 900 })];
    const version = await seedVersion(owner, { spec: { command: tinyCommand } });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'ready');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await one.driver.list()).length + (await two.driver.list()).length).toBe(1);
    // Another holds it now, as if the first had been away for longer than its lease.
    await owner.query(
      `UPDATE instance SET owner = 'someone/else', lease_until = now() + interval '700 milliseconds' WHERE id = $1`,
      [instanceId],
    );
    await expect.poll(async () => (await row(instanceId)).owner, { timeout: 5_000 }).not.toBe('someone/else');
    await until(instanceId, 'ready');
    await expect
      .poll(async () => (await one.driver.list()).length + (await two.driver.list()).length, { timeout: 5_000 })
      .toBe(1);
  });

  it('keeps the output in the row while it runs, and leaves nothing running when it is stopped', async () => {
    const running = await host();
    const version = await seedVersion(owner, { spec: { command: tinyCommand } });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'ready');
    const pid = await pidOf(instanceId);
    await expect.poll(async () => (await row(instanceId)).log_tail?.toString()).toContain(`tiny kama ${pid} starts`);
    await running.stop(2_000);
    expect(alive(pid)).toBe(false);
    const left = await row(instanceId);
    expect(left).toMatchObject({ desired: 'stopped', observed: 'stopped', address: null, owner: null, handle: null });
    expect(left.log_tail.toString()).toContain('told to stop');
  });

  it('stops what it runs for a version that was deleted', async () => {
    const running = await host({ resyncMs: 200 });
    const version = await seedVersion(owner, { spec: { command: tinyCommand } });
    const { instanceId } = await requestWake(database.db, version);
    await until(instanceId, 'ready');
    const pid = await pidOf(instanceId);
    await owner.query('DELETE FROM app_version WHERE id = $1', [version.versionId]);
    await expect.poll(() => alive(pid), { timeout: 5_000 }).toBe(false);
    expect(await running.driver.list()).toHaveLength(0);
  });
});
