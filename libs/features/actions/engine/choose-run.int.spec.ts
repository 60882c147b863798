import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Fault } from '@nm/kernel/fault';
import { systemClock as clock } from '@nm/kernel/time';
import pg from 'pg';
import { Agent } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SeededVersion, seedVersion } from '../../../testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../testing/test-database.js';
import { testVault as vault } from '../../../testing/test-vault.js';
import { pauseCluster } from '../pause-cluster.js';
import { queueRun } from '../queue-run.js';
import { readRun } from '../read-run.js';
import { chooseRun } from './choose-run.js';
import { workOnce } from './work-once.js';

const never = new AbortController().signal;

describe('whose turn it is', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  let server: Server;
  let url: string;
  const egress = new Agent();
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    server = createServer((_, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterEach(() => owner.query('DELETE FROM run'));
  afterAll(async () => {
    server.close();
    await egress.destroy();
    await owner.end();
    await database.close();
  });

  const queue = async ({ orgId, installIds }: SeededVersion, install: number, more: object = {}, method = 'PUT') => {
    const installId = installIds[install] ?? '';
    const licenceId = (await owner.query('SELECT licence_id FROM install WHERE id = $1', [installId])).rows[0]
      .licence_id;
    const step = { kind: 'http-request', title: 'Knock', method, url, expectStatus: [200], timeoutSeconds: 5 };
    const input = {
      ...{ orgId, installId, licenceId, kind: 'action' as const, action: 'a', title: 'A' },
      ...{ plan: { steps: [step] }, timeoutSeconds: 60, ...more },
    };
    return (await database.db.withOrg(orgId, (tx) => queueRun(tx, input, { vault, clock }))).id;
  };
  const choose = (askedFor: string, tenantRunsMax = 100) => chooseRun({ db: database.db, tenantRunsMax }, askedFor);
  const setRunning = (...ids: string[]) =>
    owner.query(`UPDATE run SET status = 'running', lease_until = now() + interval '1 min' WHERE id = ANY($1)`, [ids]);
  const work = (askedFor: string, tenantRunsMax = 100) => {
    const away = () => Promise.reject(new Fault('cluster_unauthorized'));
    const engine = {
      ...{
        db: database.db,
        clock,
        vault,
        egress,
        worker: 'test',
        leaseMs: 10_000,
        tenantRunsMax,
        onFault: () => undefined,
      },
      sessions: { forCluster: away, forInstall: away },
      cancellations: { watch: () => () => undefined },
    };
    return workOnce(engine, askedFor, never);
  };

  it('gives the next slot to the tenant that has fewer, whoever was asked for', async () => {
    const [a, b] = [await seedVersion(owner, { installs: 4 }), await seedVersion(owner, { installs: 1 })];
    const flood = [await queue(a, 0), await queue(a, 1), await queue(a, 2)];
    await setRunning(flood[0] ?? '');
    const late = await queue(b, 0);
    expect(await choose(flood[1] ?? '')).toBe(late);
    await setRunning(late);
    // Now both have one: the older of the waiting runs.
    expect(await choose(await queue(a, 3))).toBe(flood[1]);
  });

  it('gives a tenant of twice the weight twice the share, and nobody more than the limit', async () => {
    const [a, b] = [await seedVersion(owner, { installs: 4 }), await seedVersion(owner, { installs: 4 })];
    await owner.query('UPDATE org SET run_weight = 2 WHERE id = $1', [a.orgId]);
    const ofA = [await queue(a, 0), await queue(a, 1), await queue(a, 2)];
    const ofB = [await queue(b, 0), await queue(b, 1)];
    await setRunning(ofA[0] ?? '', ofB[0] ?? '');
    expect(await choose(ofB[1] ?? '')).toBe(ofA[1]);
    await setRunning(ofA[1] ?? '');
    // 2 of weight 2 against 1 of weight 1 is even; the third would be more than its share, the older run wins.
    expect(await choose(ofB[1] ?? '')).toBe(ofA[2]);
    expect(await choose(ofB[1] ?? '', 2)).toBe(ofB[1]);
    expect(await choose(ofB[1] ?? '', 1)).toBeUndefined();
  });

  it('takes by priority, then age; of an install one that changes it at a time, readers are free; none of a paused cluster', async () => {
    const a = await seedVersion(owner, { installs: 3 });
    const first = await queue(a, 0);
    const low = await queue(a, 1, { priority: 'low' });
    const high = await queue(a, 2, { priority: 'high' });
    expect(await choose(first)).toBe(high);
    const sameInstall = await queue(a, 2, { priority: 'high' });
    await setRunning(high);
    const last = await queue(a, 2);
    const aheadOf = async (id: string) => (await readRun(database.db, { orgId: a.orgId }, id)).queue;
    expect(await aheadOf(last)).toMatchObject({
      ahead: [
        { run: high, status: 'running' },
        { run: sameInstall, status: 'queued' },
      ],
      clusterPaused: false,
    });
    expect(await aheadOf(high)).toBeUndefined();
    await owner.query('DELETE FROM run WHERE id = $1', [last]);
    expect(await choose(sameInstall)).toBe(first);
    const reader = await queue(a, 2, { priority: 'high' }, 'GET');
    expect(await choose(sameInstall)).toBe(reader);
    await owner.query(`UPDATE run SET status = 'cancelled' WHERE id = $1`, [reader]);
    const { cluster_id, customer_id } = (
      await owner.query(
        'SELECT i.cluster_id, c.customer_id FROM install i JOIN cluster c ON c.id = i.cluster_id WHERE i.id = $1',
        [a.installIds[0]],
      )
    ).rows[0];
    const mine = { orgId: a.orgId, customerId: customer_id };
    await pauseCluster({ db: database.db, clock }, mine, cluster_id, true);
    expect(await aheadOf(first)).toEqual({ ahead: [], clusterPaused: true });
    expect(await choose(first)).toBe(low);
    await pauseCluster({ db: database.db, clock }, mine, cluster_id, false);
    expect(await choose(first)).toBe(first);
    const announced = await owner.query(`SELECT payload->>'runId' AS run FROM outbox ORDER BY id DESC LIMIT 1`);
    expect(announced.rows).toEqual([{ run: first }]);
    const stranger = { ...mine, customerId: 'cust_other' };
    const pausing = pauseCluster({ db: database.db, clock }, stranger, cluster_id, true);
    await expect(pausing).rejects.toMatchObject({ code: 'not_found' });
  });

  it('one job for each run is enough: every run is taken once, whichever each job was for', async () => {
    const [a, b] = [await seedVersion(owner, { installs: 6 }), await seedVersion(owner, { installs: 2 })];
    const ids = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => queue(a, i)));
    ids.push(await queue(b, 0), await queue(b, 1));
    const jobs = [...ids];
    const outcomes: string[] = [];
    const slot = async () => {
      for (let job = jobs.shift(); job; job = jobs.shift()) outcomes.push((await work(job)).outcome);
    };
    await Promise.all([slot(), slot(), slot(), slot()]);
    const { rows } = await owner.query('SELECT status, fence FROM run');
    expect(rows).toEqual(Array(8).fill({ status: 'positive', fence: 1 }));
    expect(outcomes.filter((outcome) => outcome === 'positive')).toHaveLength(8);
  });

  it('goes on with the run that was asked for when that one was begun', async () => {
    const a = await seedVersion(owner, { installs: 2 });
    const [begun, other] = [await queue(a, 0), await queue(a, 1)];
    await owner.query(
      `UPDATE run SET status = 'running', lease_until = now() - interval '1 s', fence = 1 WHERE id = $1`,
      [begun],
    );
    expect(await work(begun ?? '')).toEqual({ runId: begun, outcome: 'positive' });
    expect(await work('run_unknown')).toEqual({ runId: other, outcome: 'positive' });
    expect(await work('run_unknown')).toEqual({ runId: 'run_unknown', outcome: 'nothing' });
  });
});
