import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '@nm/adapters/k8kat';
import type { Fault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cancelRun } from '../cancel-run.js';
import { sweepRuns } from '../dispatch/run-sweeper.js';
import { UrgentLane } from '../dispatch/urgent-lane.js';
import { FewObjectsCluster } from '../test/few-objects-cluster.js';
import { SeededRuns } from '../test/seeded-runs.js';
import { RunCancellations } from './run-cancellations.js';

const config = (name: string, data: Record<string, string> = {}): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
  data,
});
const refOf = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name });
const awaits = (name: string, more: object = {}) => ({ kind: 'await', title: 'Await', refs: [refOf(name)], ...more });
const make = (name: string, more: object = {}) => ({
  ...{ kind: 'apply', title: `Make ${name}`, manifests: [config(name)] },
  ...more,
});
const runJob = {
  ...{ kind: 'run-job', title: 'Migrate' },
  manifest: { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'migrate' }, spec: { template: { spec: {} } } },
};
const complete = { conditions: [{ type: 'Complete', status: 'True' }], succeeded: 1 };
const patient = { timeout: 30_000 };

describe('a step that waits for long', () => {
  let runs: SeededRuns;
  let cluster: FewObjectsCluster;
  let server: Server;
  let answers = 503;
  beforeAll(async () => {
    runs = await SeededRuns.open(2);
    server = createServer((_, response) => response.writeHead(answers).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  beforeEach(() => {
    cluster = new FewObjectsCluster();
    answers = 503;
  });
  afterEach(() => runs.owner.query('DELETE FROM run; DELETE FROM outbox'));
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await runs.close();
  });

  /** The seconds for which a worker looks itself pass at once; what it slept is told. */
  const aWorker = (more: object = {}) => {
    const slept: number[] = [];
    const clock = { ...systemClock, sleep: async (ms: number) => void slept.push(ms) };
    const session = async () => cluster.session;
    const own = { clock, sessions: { forCluster: session, forInstall: session }, ...more };
    return { slept, own, heldMs: () => slept.reduce((sum, ms) => sum + ms, 0) };
  };
  const work = (id: string, worker = aWorker()) => runs.work(id, worker.own);
  const due = async (id: string) => {
    await runs.owner.query('UPDATE run SET waits_until = now() WHERE id = $1', [id]);
    await runs.sweep();
  };
  const stepsOf = async (id: string) => (await runs.read(id)).steps;
  const waits = async (id: string, worker = aWorker()) => {
    await work(id, worker);
    expect((await runs.read(id)).status).toBe('waiting');
  };
  const jobName = () => cluster.created.find((name) => name.startsWith('migrate-')) ?? '';
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  it.each([
    ['await', () => awaits('late'), () => cluster.put(config('late')), 'ConfigMap late to be ready'],
    [
      'wait-for',
      () => ({ kind: 'wait-for', title: 'W', condition: { object: refOf('late'), is: 'present' } }),
      () => cluster.put(config('late')),
      'a condition to hold',
    ],
    [
      'wait-for-http',
      () => ({ kind: 'wait-for-http', title: 'H', url: url() }),
      () => {
        answers = 200;
      },
      'to answer 200',
    ],
    ['run-job', () => runJob, () => cluster.setStatus(jobName(), complete), 'to end'],
    [
      'run-pod',
      () => ({ kind: 'run-pod', title: 'P', image: 'x', command: ['true'] }),
      () => cluster.setStatus(cluster.created[0] ?? '', complete),
      'the command to end',
    ],
  ])(
    'holds a worker for seconds only, and is one attempt whoever looks: %s',
    async (_, step, settle, forWhat) => {
      const id = await runs.queue(0, [step(), make('after')]);
      const first = aWorker();
      await waits(id, first);
      expect(first.heldMs()).toBeLessThanOrEqual(5_000);
      const { waiting, progress } = await runs.read(id);
      expect(waiting).toMatchObject({ reason: 'condition', for: expect.stringContaining(forWhat) as string });
      const lines = progress.sub_items[0]?.logs.length;
      const asked = cluster.questions;
      for (let looks = 0; looks < 2; looks++) {
        await due(id);
        const next = aWorker();
        await waits(id, next);
        expect(next.slept).toEqual([]);
      }
      // Nothing is asked or said twice.
      expect(cluster.questions).toBe(asked);
      expect((await runs.read(id)).progress.sub_items[0]?.logs).toHaveLength(lines ?? -1);
      settle();
      await due(id);
      expect(await work(id)).toEqual({ runId: id, outcome: 'positive' });
      expect((await stepsOf(id)).map(({ status, attempts }) => [status, attempts])).toEqual([
        ['positive', 1],
        ['positive', 1],
      ]);
      expect(cluster.created.filter((name) => name !== 'after').length).toBeLessThanOrEqual(1);
    },
    60_000,
  );

  it('that has been found keeps no note, and costs the database nothing more', async () => {
    cluster.put(config('there'));
    const id = await runs.queue(0, [awaits('there')]);
    await work(id);
    expect((await stepsOf(id))[0]).toMatchObject({ output: { ready: ['ConfigMap there'] }, attempts: 1 });
  });

  it('ends at its own deadline by the wall clock, whoever looks, and says what is missing', async () => {
    const id = await runs.queue(0, [awaits('never', { timeoutSeconds: 600 })]);
    await waits(id);
    const earlier = `to_char(now() AT TIME ZONE 'UTC' - interval '601 s', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
    await runs.owner.query(
      `UPDATE run_step SET output = output || jsonb_build_object('since', ${earlier}) WHERE run_id = $1`,
      [id],
    );
    await due(id);
    expect((await work(id)).outcome).toBe('timed_out');
    expect((await runs.read(id)).error).toMatchObject({
      reason: 'Not done within 600 s: ConfigMap never: does not exist yet.',
    });
  });

  it('finds its own Job again; one that somebody else has made under its name leaves it in doubt, and is left alone', async () => {
    const id = await runs.queue(0, [runJob]);
    await waits(id);
    const job = cluster.objects.get(jobName());
    cluster.put({ ...job, metadata: { ...job?.metadata, uid: 'another' }, status: complete } as KubeObject);
    await due(id);
    await waits(id);
    expect(await runs.read(id)).toMatchObject({ waiting: { reason: 'decision' }, steps: [{ status: 'unknown' }] });
    await cancelRun(runs.database.db, { orgId: runs.seeded.orgId }, id);
    await work(id);
    expect(cluster.deleted).toEqual([]);
    expect(cluster.created).toHaveLength(1);
  });

  it('cut off while it made its Job, knows it by the stamp of its run', async () => {
    const id = await runs.queue(0, [runJob]);
    await waits(id);
    await runs.owner.query(`UPDATE run_step SET output = '{"begun": true}' WHERE run_id = $1`, [id]);
    cluster.setStatus(jobName(), complete);
    await due(id);
    expect((await work(id)).outcome).toBe('positive');
    expect(cluster.created).toHaveLength(1);
  });

  it('beside a step that fails is still seen to its end, and only then the plan stops', async () => {
    const fails = { kind: 'patch', title: 'Fail', ref: refOf('nobody'), patch: { data: { a: '1' } } };
    const both = { kind: 'group', title: 'Both', mode: 'parallel', steps: [runJob, fails] };
    const id = await runs.queue(0, [both, make('after')]);
    await waits(id);
    expect((await stepsOf(id)).map(({ status }) => status)).toEqual(['running', 'running', 'negative', 'idle']);
    cluster.setStatus(jobName(), complete);
    await due(id);
    expect((await work(id)).outcome).toBe('negative');
    expect((await stepsOf(id)).map(({ status }) => status)).toEqual(['negative', 'positive', 'negative', 'idle']);
    expect((await runs.read(id)).error?.reason).toContain('nobody does not exist');
  });

  it('in the undoing gives its worker back too, and the undoing goes on where it was', async () => {
    const undo = [awaits('calm', { timeoutSeconds: 300 }), { kind: 'restore', title: 'Restore' }];
    const fails = { kind: 'patch', title: 'Fail', ref: refOf('nobody'), patch: { data: { a: '1' } } };
    const id = await runs.queue(0, [make('done', { undo }), fails]);
    await waits(id);
    expect((await stepsOf(id)).map(({ status }) => status)).toEqual(['positive', 'negative', 'running', 'idle']);
    cluster.put(config('calm'));
    await due(id);
    expect((await work(id)).outcome).toBe('negative');
    expect((await stepsOf(id)).map(({ status }) => status)).toEqual(['positive', 'negative', 'positive', 'positive']);
    expect(cluster.deleted).toEqual(['done']);
  });

  describe('before its next attempt', () => {
    const fails = { kind: 'patch', title: 'Patch', ref: refOf('nobody'), patch: { data: { a: '1' } } };
    const retried = (times: number) => ({ ...fails, retry: { times, pauseSeconds: 60 } });

    it('holds no worker; how often it has failed is known to whoever goes on', async () => {
      const id = await runs.queue(0, [retried(2)]);
      const first = aWorker();
      await waits(id, first);
      expect(first.slept).toEqual([]);
      expect((await runs.read(id)).waiting).toMatchObject({ reason: 'time', for: 'the next attempt at "Patch"' });
      const pause = async () => {
        const { waiting } = await runs.read(id);
        return Math.round((Date.parse(waiting?.until ?? '') - Date.parse(waiting?.since ?? '')) / 1000);
      };
      expect(await pause()).toBe(60);
      // Woken before its time, it waits on.
      await due(id);
      await waits(id);
      expect((await stepsOf(id))[0]).toMatchObject({ status: 'running', attempts: 1 });
      const past = `jsonb_set(output, '{retry,until}', '"2026-01-01T00:00:00.000Z"')`;
      const next = async () => {
        await runs.owner.query(`UPDATE run_step SET output = ${past} WHERE run_id = $1`, [id]);
        await due(id);
      };
      await next();
      await waits(id);
      expect(await pause()).toBe(120);
      expect((await stepsOf(id))[0]).toMatchObject({ attempts: 2 });
      await next();
      expect((await work(id)).outcome).toBe('negative');
      expect((await stepsOf(id))[0]).toMatchObject({ status: 'negative', attempts: 3 });
    });

    it('waits on the spot when the pause is short', async () => {
      const id = await runs.queue(0, [{ ...fails, retry: { times: 1, pauseSeconds: 5 } }]);
      const worker = aWorker();
      expect((await work(id, worker)).outcome).toBe('negative');
      expect(worker.slept.every((ms) => ms <= 5_000) && worker.heldMs() > 4_000).toBe(true);
      expect((await stepsOf(id))[0]).toMatchObject({ attempts: 2 });
    });

    it('goes on waiting for the Job of an attempt that took too long, and makes no second one', async () => {
      const job = { ...runJob, timeoutSeconds: 1, retry: { times: 1, pauseSeconds: 60 } };
      const id = await runs.queue(0, [job]);
      const slow = aWorker({ clock: { ...systemClock, sleep: () => systemClock.sleep(600) } });
      await waits(id, slow);
      expect((await runs.read(id)).waiting?.reason).toBe('time');
      await runs.owner.query(
        `UPDATE run_step SET output = jsonb_set(output, '{retry,until}', '"2026-01-01T00:00:00.000Z"') WHERE run_id = $1`,
        [id],
      );
      cluster.setStatus(jobName(), complete);
      await due(id);
      expect((await work(id)).outcome).toBe('positive');
      expect([cluster.created.length, cluster.deleted]).toEqual([1, []]);
    });
  });

  describe('in a run that somebody cancels', () => {
    let cancellations: RunCancellations;
    let lane: UrgentLane;
    const faults: unknown[] = [];
    beforeAll(() => {
      cancellations = new RunCancellations({ url: runs.database.url, onError: () => undefined });
    });
    beforeEach(() => {
      faults.length = 0;
      const engine = runs.engine({ ...aWorker().own, cancellations, onFault: (fault: Fault) => faults.push(fault) });
      lane = new UrgentLane({ engine, cancellations, onAdvanced: () => undefined, onError: (e) => faults.push(e) });
    });
    afterEach(() => lane.close());
    afterAll(() => cancellations.close());

    const cancel = (id: string) => cancelRun(runs.database.db, { orgId: runs.seeded.orgId }, id);
    const statusOf = async (id: string) => (await runs.read(id)).status;

    it('is heard without a free slot: its Job is taken away, and what was done is undone', async () => {
      const undo = [{ kind: 'restore', title: 'Restore' }];
      const id = await runs.queue(0, [make('done', { undo }), runJob]);
      await waits(id);
      // No slot takes anything here: only the lane of those that are cancelled.
      await cancel(id);
      await expect.poll(() => statusOf(id), patient).toBe('cancelled');
      expect(cluster.deleted).toEqual([jobName(), 'done']);
      expect((await stepsOf(id)).map(({ status }) => status)).toEqual(['positive', 'negative', 'positive']);
      expect(faults).toEqual([]);
    });

    it('has company beside the slots: a run that has lost its worker, though none is free', async () => {
      const id = await runs.queue(0, [make('orphan')]);
      await runs.owner.query(
        `UPDATE run SET status = 'running', started_at = now(), fence = 1, lease_until = now() - interval '1 s' WHERE id = $1`,
        [id],
      );
      const { db } = runs.database;
      const sweep = { db, clock: systemClock, advance: async () => undefined, onError: () => undefined };
      await sweepRuns({ ...sweep, takeUp: (runId) => lane.take(runId) });
      await expect.poll(() => statusOf(id), patient).toBe('positive');
      const { rows } = await runs.owner.query('SELECT fence FROM run WHERE id = $1', [id]);
      expect(rows).toEqual([{ fence: 2 }]);
    });

    it('is heard when it is just about to wait', async () => {
      const id = await runs.queue(0, [awaits('never')]);
      const clock = {
        ...systemClock,
        sleep: async () =>
          void (await runs.owner.query(`UPDATE run SET cancel_requested_at = now() WHERE id = $1`, [id])),
      };
      await lane.close();
      // Nobody has told this worker.
      const deaf = aWorker({ clock, cancellations: { watch: () => () => undefined } });
      expect(await work(id, deaf)).toEqual({ runId: id, outcome: 'cancelled' });
    });

    it('is undone also when it is on its way back to a worker', async () => {
      const id = await runs.queue(0, [
        make('done', { undo: [{ kind: 'restore', title: 'Restore' }] }),
        awaits('never'),
      ]);
      await waits(id);
      await due(id);
      expect(await statusOf(id)).toBe('queued');
      await cancel(id);
      await expect.poll(() => statusOf(id), patient).toBe('cancelled');
      expect(cluster.deleted).toEqual(['done']);
    });

    const child = (...steps: object[]) => ({ kind: 'run-action', title: 'C', action: 'child', plan: { steps } });
    const childOf = async (id: string) =>
      (await runs.owner.query('SELECT id, status FROM run WHERE parent_id = $1', [id])).rows[0];

    it('is heard in the action that it runs, and then in the run itself, without a free slot', async () => {
      const id = await runs.queue(0, [make('done', { undo: [{ kind: 'restore', title: 'Restore' }] }), child(runJob)]);
      await waits(id);
      await waits((await childOf(id)).id);
      await cancel(id);
      await expect.poll(() => statusOf(id), patient).toBe('cancelled');
      expect(await childOf(id)).toMatchObject({ status: 'cancelled' });
      expect(cluster.deleted).toEqual([jobName(), 'done']);
    });

    it('begins no action that it was just about to run', async () => {
      await lane.close();
      const id = await runs.queue(0, [child(make('child'))]);
      // The cancel comes between the child's row and the wait for it.
      const asSystem: typeof db.asSystem = async (work) => {
        const made = await db.asSystem(work);
        if (await childOf(id)) await runs.owner.query('UPDATE run SET cancel_requested_at = now() WHERE id = $1', [id]);
        return made;
      };
      const { db } = runs.database;
      const asking = {
        asSystem,
        system: (...args: Parameters<typeof db.system>) => db.system(...args),
        together: (...args: Parameters<typeof db.together>) => db.together(...args),
      };
      const deaf = aWorker({ db: asking, cancellations: { watch: () => () => undefined } });
      expect((await work(id, deaf)).outcome).toBe('cancelled');
      expect(await childOf(id)).toMatchObject({ status: 'cancelled' });
      expect(cluster.created).toEqual([]);
    });

    it('ends at once when it has not begun, whatever it waits for', async () => {
      await lane.close();
      const id = await runs.queue(0, [make('one')]);
      await runs.owner.query(
        `UPDATE run SET status = 'waiting', waits_reason = 'window', waits_for = 'w', waits_until = now() + interval '1 h' WHERE id = $1`,
        [id],
      );
      await cancel(id);
      expect(await statusOf(id)).toBe('cancelled');
    });
  });
});
