import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import pg from 'pg';
import { Agent } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SeededVersion, seedVersion } from '../../../testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../testing/test-database.js';
import { testVault as vault } from '../../../testing/test-vault.js';
import { sweepRuns } from '../dispatch/run-sweeper.js';
import { queueRun } from '../queue-run.js';
import { readRun } from '../read-run.js';
import { beginAnyway, removeWindow } from '../schedule/windows.js';
import { workOnce } from './work-once.js';

const never = new AbortController().signal;

describe('runs that wait', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  let server: Server;
  let url: string;
  let seeded: SeededVersion;
  let away = false;
  const egress = new Agent();
  const customerId = newId('customer');
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    seeded = await seedVersion(owner, { installs: 2 });
    server = createServer((_, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterEach(async () => {
    away = false;
    await owner.query(
      `DELETE FROM run; DELETE FROM maintenance_window; UPDATE cluster SET health = 'unknown', checked_at = NULL`,
    );
  });
  afterAll(async () => {
    server.close();
    await egress.destroy();
    await owner.end();
    await database.close();
  });

  const put = (method = 'PUT') => ({
    ...{ kind: 'http-request', title: 'Knock', method, url, expectStatus: [200], timeoutSeconds: 5 },
  });
  /** Has the needs of a cluster, which the session below cannot be asked for while it is away. */
  const onCluster = {
    ...{ kind: 'apply', title: 'Apply' },
    manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } }],
  };
  const queue = async (install: number, steps: object[], more: object = {}, planMore: object = {}) => {
    const installId = seeded.installIds[install] ?? '';
    const { rows } = await owner.query('SELECT licence_id FROM install WHERE id = $1', [installId]);
    const input = {
      ...{ orgId: seeded.orgId, installId, licenceId: rows[0].licence_id, kind: 'action' as const, action: 'a' },
      ...{ title: 'A', plan: { steps, ...planMore }, timeoutSeconds: 60, ...more },
    };
    return (await database.db.withOrg(seeded.orgId, (tx) => queueRun(tx, input, { vault, clock }))).id;
  };
  const work = (askedFor: string) => {
    const session = () => Promise.reject(new Fault(away ? 'cluster_unreachable' : 'cluster_unauthorized'));
    return workOnce(
      {
        ...{ db: database.db, clock, vault, egress, worker: 'test', leaseMs: 10_000, tenantRunsMax: 100 },
        sessions: { forCluster: session, forInstall: session },
        cancellations: { watch: () => () => undefined },
        onFault: () => undefined,
      },
      askedFor,
      never,
    );
  };
  const read = (id: string) => readRun(database.db, { orgId: seeded.orgId }, id);
  const window = async (install: number, cron: string) => {
    const id = newId('window');
    await owner.query(
      `INSERT INTO maintenance_window (id, org_id, customer_id, install_id, title, cron, time_zone, duration_minutes)
       VALUES ($1, $2, $3, $4, 'W', $5, 'UTC', 5)`,
      [id, seeded.orgId, customerId, seeded.installIds[install], cron],
    );
    return id;
  };
  /** Opens on a day that is neither today nor tomorrow. */
  const closed = () => `0 0 ${((clock.now().getUTCDate() + 9) % 27) + 1} * *`;
  const sweep = () => sweepRuns({ db: database.db, clock, advance: async () => undefined, onError: () => undefined });

  it('for a window: no worker is held, a run that only looks and the other install go on, and the slot goes to the next', async () => {
    await window(0, closed());
    const waiting = await queue(0, [put()]);
    const looking = await queue(0, [put('GET')]);
    const other = await queue(1, [put()]);
    expect(await work(waiting)).toEqual({ runId: looking, outcome: 'positive' });
    expect(await work(waiting)).toEqual({ runId: other, outcome: 'positive' });
    const run = await read(waiting);
    expect(run).toMatchObject({ status: 'waiting', waiting: { reason: 'window', for: 'the next maintenance window' } });
    expect(Date.parse(run.waiting?.until ?? '')).toBeGreaterThan(clock.nowMs() + 3_600_000);
    expect((await work(waiting)).outcome).toBe('nothing');
  });

  it('for a window: the licensee lets one begin, or removes the window', async () => {
    const id = await window(0, closed());
    const first = await queue(0, [put()]);
    const second = await queue(0, [put()]);
    await work(first);
    const deps = { db: database.db, clock, vault };
    await beginAnyway(deps, { orgId: seeded.orgId }, first);
    expect(await work(first)).toEqual({ runId: first, outcome: 'positive' });
    expect((await read(second)).status).toBe('waiting');
    await expect(beginAnyway(deps, { orgId: seeded.orgId }, first)).rejects.toMatchObject({ code: 'run_not_waiting' });
    await removeWindow(deps, { kind: 'licensee', appId: '', licenceId: '', orgId: seeded.orgId, customerId }, id);
    expect(await work(second)).toEqual({ runId: second, outcome: 'positive' });
  });

  it('for a cluster that is away, where the plan says so: it goes on when the cluster has answered; another fails with the reason', async () => {
    away = true;
    const patient = await queue(0, [onCluster], {}, { waitForCluster: { seconds: 3600 } });
    const hasty = await queue(1, [onCluster]);
    // The slot that the waiting one leaves goes to the next.
    expect(await work(patient)).toEqual({ runId: hasty, outcome: 'negative' });
    expect((await read(hasty)).error).toMatchObject({ code: 'cluster_unreachable' });
    expect((await read(patient)).waiting).toMatchObject({ reason: 'cluster_offline' });
    await owner.query(`UPDATE cluster SET health = 'unreachable', checked_at = now()`);
    await sweep();
    expect((await read(patient)).status).toBe('waiting');
    // A look is asked for soon.
    const { rows } = await owner.query(`SELECT count(*) FROM cluster WHERE check_at <= now()`);
    expect(Number(rows[0].count)).toBeGreaterThan(0);
    await owner.query(`UPDATE cluster SET health = 'reachable', checked_at = now() + interval '1 s'`);
    await sweep();
    expect((await read(patient)).status).toBe('queued');
    away = false;
    expect((await work(patient)).outcome).toBe('negative');
    expect((await read(patient)).error).toMatchObject({ code: 'cluster_unauthorized' });
  });

  it('for a cluster that is known to be away: it waits without being tried, and no longer than it wants to', async () => {
    await owner.query(`UPDATE cluster SET health = 'unreachable', checked_at = now()`);
    const patient = await queue(0, [onCluster], {}, { waitForCluster: { seconds: 10 } });
    away = true;
    expect((await work(patient)).outcome).toBe('nothing');
    expect(await read(patient)).toMatchObject({ status: 'waiting', waiting: { reason: 'cluster_offline' } });
    expect((await owner.query('SELECT fence FROM run WHERE id = $1', [patient])).rows).toEqual([{ fence: 0 }]);
    await owner.query(`UPDATE run SET waits_until = now(), offline_until = now() - interval '1 s'`);
    await sweep();
    expect((await work(patient)).outcome).toBe('negative');
    expect((await read(patient)).error).toMatchObject({ code: 'cluster_unreachable' });
  });
});
