import type { KubeObject } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { systemClock as clock } from '@nm/kernel/time';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SeededVersion, seedVersion } from '../../../testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../testing/test-database.js';
import { testVault as vault } from '../../../testing/test-vault.js';
import { cancelRun } from '../cancel-run.js';
import { decideStep } from '../decide-step.js';
import { queueRun } from '../queue-run.js';
import { retryRun } from '../retry-run.js';
import { isTerminal } from '../run-rules.js';
import type { ClusterSession } from '../steps/step-context.js';
import { GatedReceiver } from '../test/gated-receiver.js';
import { OneObjectCluster } from '../test/one-object-cluster.js';
import { advanceRun } from './advance-run.js';
import type { RunEngine } from './run-engine.js';

/** Of each run: two objects are applied, and something is posted in between that must not be posted twice. */
const steps = 3;
const posted = 1;
const never = new AbortController().signal;

/** An effect on its way: it waits until the test lets it pass. */
type Gate = PromiseWithResolvers<void> & { readonly effect: () => unknown };

/** One worker at work on a run. Every write to the cluster waits at a gate until the test lets it pass. A dead one reaches nothing any more. */
interface Worker {
  readonly runId: string;
  gate: Gate | undefined;
  ended: boolean;
  dead: boolean;
  /** So many of its next calls to the store fail. */
  storeFails: number;
}

type Command =
  | { readonly type: 'start' }
  | { readonly type: 'take'; readonly run: number }
  | { readonly type: 'pass'; readonly worker: number }
  | { readonly type: 'crash'; readonly worker: number; readonly late: boolean }
  | { readonly type: 'decide'; readonly run: number; readonly outcome: 'done' | 'failed' | 'repeat' }
  | { readonly type: 'lease runs out'; readonly run: number }
  | { readonly type: 'store is away'; readonly worker: number; readonly calls: number }
  | { readonly type: 'cancel'; readonly run: number }
  | { readonly type: 'retry'; readonly run: number }
  | { readonly type: 'deadline passes'; readonly run: number };

const index = fc.nat({ max: 5 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('start' as const) }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('take' as const), run: index }) },
  { weight: 24, arbitrary: fc.record({ type: fc.constant('pass' as const), worker: index }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('crash' as const), worker: index, late: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('decide' as const),
      run: index,
      outcome: fc.constantFrom('done' as const, 'failed' as const, 'repeat' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('store is away' as const),
      worker: index,
      calls: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('lease runs out' as const), run: index }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cancel' as const), run: index }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('retry' as const), run: index }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('deadline passes' as const), run: index }) },
);

const take: Command = { type: 'take', run: 0 };
const pass = (worker: number): Command => ({ type: 'pass', worker });
/** The object is created and taken over; what follows is on its way to the receiver. */
const untilPosted = [take, pass(0), pass(0)];
const crash = (late: boolean): Command => ({ type: 'crash', worker: 0, late });
const decide = (outcome: 'done' | 'failed' | 'repeat'): Command => ({ type: 'decide', run: 0, outcome });
/** Ways to do twice what must be done once; chance finds these too, but not in each run. */
const known: Command[][] = [
  [take, { type: 'store is away', worker: 0, calls: 1 }, pass(0), pass(0), pass(0), take],
  [...untilPosted, crash(true), take, pass(0), pass(0)],
  [...untilPosted, { type: 'lease runs out', run: 0 }, take, pass(1), pass(0), pass(0)],
  [...untilPosted, crash(true), take, decide('done'), take, pass(0), pass(0)],
  [...untilPosted, crash(false), take, decide('repeat'), take, pass(0), crash(true), take],
];

describe('the run engine, whatever happens and in whatever order', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  let seeded: SeededVersion;
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  /** The world of one sequence of commands: one install, its runs in order, and the workers that ever took one. */
  class World {
    readonly cluster = new OneObjectCluster();
    readonly runs: string[] = [];
    readonly workers: Worker[] = [];
    readonly statuses = new Map<string, string>();
    /** How often each value has arrived, and how often a person has said that a step is to be done again. */
    readonly arrived = new Map<string, number>();
    readonly repeats = new Map<string, number>();

    async start(): Promise<void> {
      const { orgId, installIds } = seeded;
      const installId = installIds[0] ?? '';
      const { rows } = await owner.query('SELECT licence_id FROM install WHERE id = $1', [installId]);
      const name = `r${this.runs.length}`;
      const plan = {
        steps: Array.from({ length: steps }, (_, i) => stepOf(i, `${name}.${i}`)),
      };
      const input = {
        orgId,
        installId,
        licenceId: rows[0].licence_id,
        kind: 'action' as const,
        action: 'a',
        title: 'A',
      };
      const queued = await database.db.withOrg(orgId, (tx) =>
        queueRun(tx, { ...input, plan, timeoutSeconds: 600 }, { vault, clock }),
      );
      this.runs.push(queued.id);
    }

    take(runId: string): void {
      const worker: Worker = { runId, gate: undefined, ended: false, dead: false, storeFails: 0 };
      const away = () => new Fault('store_unavailable');
      const isAway = () => worker.dead || worker.storeFails-- > 0;
      const db = {
        asSystem: (work: Parameters<typeof database.db.asSystem>[0]) =>
          isAway() ? Promise.reject(away()) : database.db.asSystem(work),
        system: (...args: Parameters<typeof database.db.system>) =>
          isAway() ? Promise.reject(away()) : database.db.system(...args),
        together: (...args: Parameters<typeof database.db.together>) =>
          isAway() ? Promise.reject(away()) : database.db.together(...args),
      } as unknown as typeof database.db;
      const atGate = async <T>(call: () => T): Promise<T> => {
        worker.gate = { ...Promise.withResolvers<void>(), effect: call };
        await worker.gate.promise;
        return call();
      };
      const egress = new GatedReceiver((value) =>
        atGate(() => this.arrived.set(value, (this.arrived.get(value) ?? 0) + 1)),
      ) as unknown as RunEngine['egress'];
      const session = {
        resourceFor: async () => ({ apiVersion: 'v1', kind: 'ConfigMap', resource: 'configmaps', namespaced: true }),
        can: async () => ({ allowed: true, reason: undefined }),
        get: async () => this.cluster.get(),
        // The guard stands before the gate, as it stands before a request that the network may hold up.
        apply: (manifest: KubeObject, options: { beforeSend?: () => void }) => {
          options.beforeSend?.();
          return atGate(() => this.cluster.apply(manifest));
        },
        request: (method: string, _path: string, options: { body?: KubeObject; beforeSend?: () => void }) => {
          options.beforeSend?.();
          // A PATCH only turns managedFields over, of which there are none here.
          return atGate(() => (method === 'POST' ? this.cluster.create(options.body ?? {}) : this.cluster.get()));
        },
      } as unknown as ClusterSession;
      const engine = {
        ...{ db, clock, vault, egress, worker: `w${this.workers.length}`, leaseMs: 600_000 },
        sessions: { forCluster: async () => session, forInstall: async () => session },
        cancellations: { watch: () => () => undefined },
        onFault: () => undefined,
      };
      void advanceRun(engine, runId, never).finally(() => {
        worker.ended = true;
      });
      this.workers.push(worker);
    }

    /** @param late what was on its way arrives, though nobody hears of it any more */
    async kill(worker: Worker, late = false): Promise<void> {
      worker.dead = true;
      if (late) await (async () => worker.gate?.effect())().catch(onlyFaults);
      worker.gate?.reject(new Error('killed'));
      await expect.poll(() => worker.ended, { timeout: 20_000, interval: 2 }).toBe(true);
    }

    /** Waits until the worker stands at its gate again, or has ended. */
    async settle(worker: Worker): Promise<void> {
      await expect.poll(() => worker.ended || worker.gate !== undefined, { timeout: 20_000, interval: 2 }).toBe(true);
    }

    async check(): Promise<void> {
      const { rows } = await owner.query('SELECT id, status, fence FROM run WHERE id = ANY($1)', [this.runs]);
      expect(rows.filter(({ status }) => status === 'running').length).toBeLessThanOrEqual(1);
      for (const { id, status } of rows) {
        const before = this.statuses.get(id);
        // What has ended stays as it ended.
        if (before !== undefined && isTerminal(before as 'positive')) expect(status).toBe(before);
        this.statuses.set(id, status);
      }
      expect(rows.filter(({ status }) => status === 'running' || status === 'waiting').length).toBeLessThanOrEqual(1);
      // What must not happen twice happens once, and once more each time that a person said so.
      for (const [value, times] of this.arrived) expect(times).toBeLessThanOrEqual(1 + (this.repeats.get(value) ?? 0));
      // That the store was away is no failure of a step.
      const { rowCount } = await owner.query(
        `SELECT 1 FROM run_step WHERE run_id = ANY($1) AND error->>'code' IN ('store_unavailable', 'run_lost', 'draining')`,
        [this.runs],
      );
      expect(rowCount).toBe(0);
      // Every effect happened at most once; a run's effects stand together, in the order of its plan.
      const { history } = this.cluster;
      expect(new Set(history).size).toBe(history.length);
      const turns = history.map((value) => value.split('.')[0]).filter((name, i, all) => name !== all[i - 1]);
      expect(new Set(turns).size).toBe(turns.length);
      for (const name of turns) {
        const own = history.filter((value) => value.startsWith(`${name}.`));
        expect(own).toEqual([...own].sort());
      }
    }
  }

  const runOutLease = (runId: string | undefined) =>
    owner.query(`UPDATE run SET lease_until = now() - interval '1 s' WHERE id = $1 AND status = 'running'`, [runId]);
  const at = <T>(items: readonly T[], i: number): T | undefined => items[i % Math.max(1, items.length)];

  async function perform(world: World, happens: Command): Promise<void> {
    const { orgId } = seeded;
    const alive = world.workers.filter(({ ended }) => !ended);
    switch (happens.type) {
      case 'start':
        if (world.runs.length < 4) await world.start();
        return;
      case 'take': {
        const runId = at(world.runs, happens.run);
        if (runId === undefined || alive.length >= 4) return;
        world.take(runId);
        const worker = world.workers.at(-1);
        if (worker) await world.settle(worker);
        return;
      }
      case 'pass': {
        const worker = at(alive, happens.worker);
        if (!worker?.gate) return;
        const { gate } = worker;
        worker.gate = undefined;
        gate.resolve();
        await world.settle(worker);
        return;
      }
      case 'crash': {
        const worker = at(alive, happens.worker);
        if (!worker) return;
        await world.kill(worker, happens.late);
        await runOutLease(worker.runId);
        return;
      }
      case 'store is away': {
        const worker = at(alive, happens.worker);
        if (worker) worker.storeFails = happens.calls;
        return;
      }
      case 'lease runs out':
        await runOutLease(at(world.runs, happens.run));
        return;
      case 'cancel': {
        const runId = at(world.runs, happens.run);
        if (runId) await cancelRun(database.db, { orgId }, runId).catch(onlyFaults);
        return;
      }
      case 'decide': {
        const runId = at(world.runs, happens.run);
        if (runId === undefined) return;
        const answer = { step: posted, outcome: happens.outcome };
        const said = decideStep({ db: database.db, clock }, { orgId }, runId, answer, 'a test').then(() => true);
        if (!(await said.catch(onlyFaults)) || happens.outcome !== 'repeat') return;
        const value = `r${world.runs.indexOf(runId)}.${posted}`;
        world.repeats.set(value, (world.repeats.get(value) ?? 0) + 1);
        return;
      }
      case 'retry': {
        const runId = at(world.runs, happens.run);
        // A retry does again what its run did; values would come twice.
        if (runId === undefined || world.runs.length >= 4 || world.cluster.history.length > 0) return;
        const again = await retryRun({ db: database.db, clock, vault }, { orgId }, runId, { from: 'failed' }).catch(
          onlyFaults,
        );
        if (again && !world.runs.includes(again.id)) world.runs.push(again.id);
        return;
      }
      case 'deadline passes':
        await owner.query(`UPDATE run SET deadline_at = now() - interval '1 s' WHERE id = $1 AND status = 'running'`, [
          at(world.runs, happens.run),
        ]);
    }
  }

  it('reaches no illegal state and doubles no effect', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 12, maxLength: 40 }), async (commands) => {
        seeded = await seedVersion(owner, { installs: 1 });
        const world = new World();
        await world.start();
        for (const happens of commands) {
          await perform(world, happens);
          await world.check();
        }
        // Then the weather clears: every run comes to an end.
        for (const worker of world.workers) if (!worker.ended) await world.kill(worker);
        for (const runId of world.runs) {
          await owner.query(
            `UPDATE run SET lease_until = now() - interval '1 s' WHERE id = $1 AND status = 'running'`,
            [runId],
          );
          const run = world.runs.indexOf(runId);
          for (let turns = 0; turns < 3; turns++) {
            await perform(world, { type: 'take', run });
            for (let i = 0; i < 20 && !world.workers.at(-1)?.ended; i++)
              await perform(world, { type: 'pass', worker: 0 });
            await perform(world, { type: 'decide', run, outcome: 'failed' });
          }
          await world.check();
          expect(isTerminal(world.statuses.get(runId) as 'positive')).toBe(true);
        }
      }),
      {
        numRuns: Number(process.env['NM_RUN_MACHINE_RUNS'] ?? 15),
        endOnFailure: true,
        examples: known.map((commands): [Command[]] => [commands]),
      },
    );
  }, 480_000);
});

const stepOf = (i: number, value: string) =>
  i === posted
    ? { kind: 'http-request', title: `Step ${i}`, url: 'http://receiver.test/', body: { value }, expectStatus: [200] }
    : {
        kind: 'apply',
        title: `Step ${i}`,
        manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' }, data: { value } }],
      };

function onlyFaults(error: unknown): undefined {
  if (!(error instanceof Fault)) throw error;
}
