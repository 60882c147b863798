import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decideStep, runEvents } from '@nm/features/actions';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { describeWith } from '../../../libs/testing/needs.js';
import { startRedis, type TestRedis } from '../../../libs/testing/redis.js';
import { openRunLab, type RunLab } from '../../../libs/testing/run-lab.js';
import { hearWitness } from './storm/audit-witness.js';
import { Disturbance, insist } from './storm/disturbance.js';
import { seededRandom } from './storm/random.js';
import { quantile, recoveriesOf } from './storm/recovery.js';
import { expectedEffects, stormPlan, stormPolicy } from './storm/storm-plan.js';
import { openStormStore, type StormStore } from './storm/storm-store.js';

// `npm run chaos:runs` sets these; without them it is the short form, which looks at effects and not at times.
const runs = Number(process.env['NM_STORM_RUNS'] ?? 100);
const seconds = Number(process.env['NM_STORM_SECONDS'] ?? 20);
/** Whether times mean something: the long form wants the machine for itself. */
const timed = process.env['NM_STORM_RUNS'] !== undefined;
const seed = Number(process.env['NM_STORM_SEED'] ?? clock.nowMs() % 2 ** 31);
const backend = process.env['NM_STORM_BACKEND'] ?? 'redis';
const installs = Math.min(24, Math.max(12, Math.ceil(runs / 20)));
const workers = 3;
const recoveryMsMax = 10_000;
/** After the rage; many times what an idle machine needs. */
const endMsMax = 600_000;

describeWith(['kubernetes', 'redis'], 'runs under workers and stores that are killed at random', () => {
  let store: StormStore;
  let lab: RunLab;
  let redis: TestRedis | undefined;
  let counter: Server;
  const posted = new Map<string, number>();
  beforeAll(async () => {
    store = await openStormStore();
    lab = await openRunLab(stormPolicy, { database: store.database });
    if (backend === 'redis') redis = await startRedis();
    counter = createServer((request, answer) => {
      const key = request.url ?? '';
      posted.set(key, (posted.get(key) ?? 0) + 1);
      request.resume().once('end', () => answer.end('counted'));
    });
    await new Promise<void>((resolve) => counter.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    counter.closeAllConnections();
    counter.close();
    await lab.close();
    await redis?.stop();
  });

  it.skipIf(inject('kubernetesAuditLog') === '')(
    `${runs} runs: each step's write took effect once, as the API server saw it; every run ends, its story whole (seed ${seed})`,
    async () => {
      const homes = [{ id: lab.installId, namespace: lab.namespace }];
      while (homes.length < installs) homes.push(await lab.addInstall());
      const { port } = counter.address() as AddressInfo;
      const queued: string[] = [];
      for (let i = 0; i < runs; i++) {
        const plan = stormPlan(i, `http://127.0.0.1:${port}`);
        const installId = homes[i % homes.length]?.id ?? '';
        queued.push(await lab.queue(plan, { installId, timeoutSeconds: 7200 }));
      }
      const env = {
        // What a product that is not configured has.
        NM_RUN_LEASE_MS: undefined,
        NM_SWEEP_MS: undefined,
        NM_TENANT_RUNS_MAX: '1000',
      };
      const random = seededRandom(seed);
      const disturbance = new Disturbance({ lab, store, redis, random, workers, env });
      let beganMs = clock.monotonicMs();
      const left = () =>
        insist(() =>
          lab.database.db.asSystem((tx) =>
            tx.run.count({ where: { id: { in: queued }, status: { in: ['queued', 'running', 'waiting'] } } }),
          ),
        );
      // A Job whose worker was killed just before its creation is in doubt, and its run asks a person. The storm says "again": if it was made
      // after all, the witness sees it twice.
      const decide = async () => {
        const { db } = lab.database;
        const asking = await db.asSystem((tx) =>
          tx.run.findMany({
            where: { id: { in: queued }, status: 'waiting', waitsReason: 'decision' },
            include: { steps: { where: { status: 'unknown', kind: 'run-job' } } },
          }),
        );
        for (const { id, steps } of asking)
          for (const { position } of steps)
            await decideStep({ db, clock }, lab.scope, id, { step: position, outcome: 'repeat' }, 'the storm');
        decided += asking.length;
      };
      let decided = 0;
      try {
        await disturbance.start();
        beganMs = clock.monotonicMs();
        const raging = disturbance.rage();
        while ((await left()) > 0 && clock.monotonicMs() - beganMs < seconds * 1000) await clock.sleep(500);
        await disturbance.calm();
        await raging;
        // What has been left alone gets to its end.
        const leftAfterAnswers = async () => {
          await insist(decide);
          return left();
        };
        await expect.poll(leftAfterAnswers, { timeout: endMsMax, interval: 1_000 }).toBe(0);
      } finally {
        await disturbance.close();
      }
      const tookMs = clock.monotonicMs() - beganMs;
      const { effects, writes, repeats } = await hearWitness(
        inject('kubernetesAuditLog'),
        new Set(homes.map(({ namespace }) => namespace)),
      );
      const rows = await lab.database.db.asSystem((tx) =>
        tx.run.findMany({ where: { id: { in: queued } }, include: { steps: true } }),
      );
      const recoveries = await recoveriesOf(lab.database.db, disturbance.orphans, disturbance.outages);
      const recovery = {
        p50: quantile(recoveries, 0.5),
        p99: quantile(recoveries, 0.99),
        max: Math.max(0, ...recoveries),
      };
      const statuses = Object.fromEntries(
        [...Map.groupBy(rows, ({ status }) => status)].map(([status, of]) => [status, of.length]),
      );
      const unknownSteps = rows.flatMap(({ steps }) => steps.filter(({ status }) => status === 'unknown')).length;
      console.log(
        JSON.stringify({
          storm: 'runs',
          ...{ seed, backend, runs, seconds: Math.round(tookMs / 1000), statuses, disturbances: disturbance.counts },
          ...{ writes, repeats, unknownSteps, decided, claimsLost: recoveries.length, recoveryMs: recovery },
        }),
      );
      const wrong: unknown[] = [];
      for (const [i, runId] of queued.entries()) {
        const row = rows.find(({ id }) => id === runId);
        if (row?.status !== 'positive') wrong.push({ i, runId, status: row?.status, error: row?.error });
        for (const [name, values] of Object.entries(expectedEffects(i))) {
          const found = [...effects].filter(
            ([key]) => key === name || (name.startsWith('j-') && key.startsWith(`${name}-`)),
          );
          const seen = found.flatMap(([, each]) => each);
          if (JSON.stringify(seen) !== JSON.stringify(values)) wrong.push({ i, runId, name, seen, values });
        }
        if ((posted.get(`/${i}`) ?? 0) > 1) wrong.push({ i, posted: posted.get(`/${i}`) });
      }
      expect(wrong).toEqual([]);
      for (const runId of queued.slice(0, 50)) {
        const { events } = await runEvents(lab.database.db, lab.scope, runId, 0);
        expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
      }
      if (!timed) return;
      expect(Object.values(disturbance.counts).reduce((sum, each) => sum + each)).toBeGreaterThan(0);
      expect(recovery.p99).toBeLessThanOrEqual(recoveryMsMax);
    },
    seconds * 1000 + endMsMax + 240_000,
  );
});
