import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '@nm/adapters/k8kat';
import { cancelRun, decideStep, fenceAnnotation, listChanges, runEvents } from '@nm/features/actions';
import type { RunPlan } from '@nm/kernel/contracts';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { describeWith } from '../../../libs/testing/needs.js';
import { startRedis, type TestRedis } from '../../../libs/testing/redis.js';
import { openRunLab, type RunLab } from '../../../libs/testing/run-lab.js';
import { type Gates, startGates } from './gates.js';
import { spawnWorker, type WorkerProcess } from './worker-process.js';

type Step = RunPlan['steps'][number];
const verbs = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const policy = {
  roles: [{ name: 'main', rules: [{ apiGroups: [''], resources: ['configmaps'], verbs }] }],
  clusterRoles: [],
};
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { of: name } });
const substanceOf = ({ metadata, data }: KubeObject & { data?: unknown }) => [metadata?.name, metadata?.uid, data];
const fenceOf = (object: KubeObject) => Number(object.metadata?.annotations?.[fenceAnnotation]);
const refOf = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name });
const apply = (...names: string[]): Step => ({ kind: 'apply', title: 'Apply', manifests: names.map(configMap) });
const awaits = (name: string): Step => ({ kind: 'await', title: 'Wait', refs: [refOf(name)], timeoutSeconds: 90 });

describe('the worker as it is started', () => {
  it('ends at once, and says what to do, on a database whose queue was not prepared', async () => {
    const url = new URL(inject('postgresAdminUrl'));
    const beganMs = clock.monotonicMs();
    const start = spawnWorker({ database: { url: url.href }, masterKey: Buffer.alloc(32, 7) });
    await expect(start).rejects.toThrow(/ended with 1: .*npm run migrate/s);
    expect(clock.monotonicMs() - beganMs).toBeLessThan(60_000);
  });

  it('names every variable that is wrong', async () => {
    const start = spawnWorker(
      { database: { url: 'postgresql://127.0.0.1:1/x' }, masterKey: Buffer.alloc(3) },
      { NM_WORKER_CONCURRENCY: '0' },
    );
    await expect(start).rejects.toThrow(/NM_MASTER_KEY/);
  });
});

describeWith(['kubernetes'], 'the worker as it is started, on PostgreSQL', () => workerSuite('postgres'));
describeWith(['kubernetes', 'redis'], 'the worker as it is started, on Redis', () => workerSuite('redis'));

function workerSuite(backend: 'postgres' | 'redis'): void {
  let lab: RunLab;
  let redis: TestRedis | undefined;
  let gates: Gates;
  const workers: WorkerProcess[] = [];
  beforeAll(async () => {
    lab = await openRunLab(policy);
    if (backend === 'redis') redis = await startRedis();
    gates = await startGates();
  });
  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.end('SIGKILL');
  });
  afterAll(async () => {
    gates.close();
    await lab.close();
    await redis?.stop();
  });

  const start = async (env: Readonly<Record<string, string>> = {}) => {
    const worker = await spawnWorker(lab, { ...(redis ? { NM_REDIS_URL: redis.url } : {}), ...env });
    workers.push(worker);
    return worker;
  };
  const open = (name: string) =>
    lab.admin.apply(configMap(name), { namespace: lab.namespace, fieldManager: 'test', force: true });
  const objects = async (prefix: string): Promise<KubeObject[]> => {
    const { items } = await lab.admin.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: lab.namespace });
    return items.filter((item) => item.metadata?.name?.startsWith(prefix));
  };
  const versions = async (prefix: string) =>
    Object.fromEntries((await objects(prefix)).map(({ metadata }) => [metadata?.name, metadata?.resourceVersion]));
  const status = async (runId: string) => (await lab.read(runId)).status;
  const stepStatus = async (runId: string, step: number) => (await lab.read(runId)).steps[step]?.status;
  const story = async (runId: string) => (await runEvents(lab.database.db, lab.scope, runId, 0)).events;
  const row = (runId: string) => lab.database.db.asSystem((tx) => tx.run.findUniqueOrThrow({ where: { id: runId } }));
  const patience = { timeout: 60_000, interval: 50 };

  /** Every event once, in order; each step ended once. */
  const expectWholeStory = async (runId: string, steps: number) => {
    const events = await story(runId);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
    const ended = events.filter(({ kind, data }) => kind === 'step' && data['status'] === 'positive');
    expect(ended.map(({ data }) => data['step'])).toEqual(Array.from({ length: steps }, (_, i) => i));
  };

  it('takes a queued run from the outbox and works it off', async () => {
    await start();
    const beganMs = clock.monotonicMs();
    const runId = await lab.queue({ steps: [apply('plain')] });
    await expect.poll(() => status(runId), patience).toBe('positive');
    expect(clock.monotonicMs() - beganMs).toBeLessThan(5_000);
    await expectWholeStory(runId, 1);
  });

  it('killed with -9 between steps: another finishes, and what was done is not done again', async () => {
    const first = await start();
    const runId = await lab.queue({ steps: [apply('kill-a', 'kill-b'), gates.step('kill-gate'), apply('kill-c')] });
    await expect.poll(() => stepStatus(runId, 1), patience).toBe('running');
    const before = await versions('kill-');
    await first.end('SIGKILL');
    await start();
    await expect.poll(async () => (await row(runId)).fence, patience).toBe(2);
    gates.open('kill-gate');
    await expect.poll(() => status(runId), patience).toBe('positive');
    expect(await versions('kill-')).toMatchObject(before);
    expect((await lab.read(runId)).steps.map((step) => step.attempts)).toEqual([1, 2, 1]);
    await expectWholeStory(runId, 3);
  });

  it('killed again and again in the middle of its work: every object is made once, and the run ends', async () => {
    const names = Array.from({ length: 60 }, (_, i) => `storm-${String(i).padStart(2, '0')}`);
    const seen = new Map<string, { uids: Set<string>; contents: Set<string>; deleted: boolean }>();
    const stop = new AbortController();
    const watching = (async () => {
      const watch = { apiVersion: 'v1', kind: 'ConfigMap', namespace: lab.namespace, signal: stop.signal };
      for await (const event of lab.admin.watch(watch)) {
        for (const object of event.type === 'list' ? event.objects : [event.object]) {
          const name = object.metadata?.name ?? '';
          if (!name.startsWith('storm-')) continue;
          const entry = seen.get(name) ?? { uids: new Set(), contents: new Set(), deleted: false };
          entry.uids.add(object.metadata?.uid ?? '');
          entry.contents.add(JSON.stringify(object['data']));
          entry.deleted ||= event.type === 'deleted';
          seen.set(name, entry);
        }
      }
    })();
    const steps = Array.from({ length: 12 }, (_, i) => apply(...names.slice(i * 5, i * 5 + 5)));
    const runId = await lab.queue({ steps });
    for (const made of [3, 17, 31, 44]) {
      const worker = await start();
      await expect
        .poll(async () => (await objects('storm-')).length, { timeout: 30_000, interval: 10 })
        .toBeGreaterThanOrEqual(made);
      await worker.end('SIGKILL');
    }
    await start();
    await expect.poll(() => status(runId), patience).toBe('positive');
    const { fence } = await row(runId);
    expect(fence).toBeGreaterThan(1);
    await expectWholeStory(runId, 12);
    stop.abort();
    await watching;
    expect([...seen.keys()].sort()).toEqual(names);
    for (const [name, entry] of seen)
      expect([name, entry.uids.size, [...entry.contents], entry.deleted]).toEqual([
        name,
        1,
        [JSON.stringify({ of: name })],
        false,
      ]);
    // Only the step that was under way at a kill is done again.
    const attempts = (await lab.read(runId)).steps.map((step) => step.attempts);
    expect(attempts.reduce((sum, each) => sum + each - 1, 0)).toBeLessThanOrEqual(fence - 1);
    for (const object of await objects('storm-')) {
      expect(Number(object.metadata?.annotations?.[fenceAnnotation])).toBeLessThanOrEqual(fence);
      expect(object.metadata?.managedFields?.map(({ manager }) => manager)).toEqual(['nmachine']);
    }
  });

  it('killed with -9 in a request that must not be sent twice: a person is asked, and it is sent again only when they say so', async () => {
    const [outcome, times] = backend === 'postgres' ? (['repeat', 2] as const) : (['done', 1] as const);
    let arrived = 0;
    const receiver = createServer((_, response) => {
      arrived++;
      // The first is never answered: its sender is killed meanwhile.
      if (arrived > 1) response.end('{}');
    });
    await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const post = { kind: 'http-request', title: 'Send', method: 'POST', url, expectStatus: [200], timeoutSeconds: 300 };
    try {
      const sender = await start();
      const runId = await lab.queue({ steps: [post as Step, apply('after-doubt')] });
      await expect.poll(() => arrived, patience).toBe(1);
      await sender.end('SIGKILL');
      await start();
      await expect.poll(() => status(runId), patience).toBe('waiting');
      expect(await stepStatus(runId, 0)).toBe('unknown');
      expect(await objects('after-doubt')).toEqual([]);
      const answer = { step: 0, outcome, comment: 'I have looked' };
      await decideStep({ db: lab.database.db, clock }, lab.scope, runId, answer, 'Ada');
      await expect.poll(() => status(runId), patience).toBe('positive');
      expect(arrived).toBe(times);
      expect((await lab.read(runId)).steps[0]?.decision).toMatchObject({
        outcome,
        by: 'Ada',
        comment: 'I have looked',
      });
      expect(await objects('after-doubt')).toHaveLength(1);
    } finally {
      receiver.closeAllConnections();
      receiver.close();
    }
  });

  if (backend === 'postgres')
    it('killed with -9 while it writes: each change is told once, from what to what', async () => {
      const names = Array.from({ length: 40 }, (_, i) => `told-${String(i).padStart(2, '0')}`);
      for (const name of names.slice(0, 20)) await open(name);
      const manifests = names.map((name) => ({ ...configMap(name), data: { of: 'run' } }));
      const runId = await lab.queue({ steps: [{ kind: 'apply', title: 'Apply', manifests }] });
      const changed = async () =>
        (await objects('told-')).filter((object) => (object['data'] as { of?: string }).of === 'run');
      for (const made of [5, 25]) {
        const worker = await start();
        await expect
          .poll(async () => (await changed()).length, { ...patience, interval: 10 })
          .toBeGreaterThanOrEqual(made);
        await worker.end('SIGKILL');
      }
      await start();
      await expect.poll(() => status(runId), patience).toBe('positive');
      const { data } = await listChanges(lab.database.db, lab.scope, runId, { limit: 200 });
      expect(data.map(({ object }) => object.name).sort()).toEqual(names);
      for (const { object, verb, fields } of data) {
        const existed = names.indexOf(object.name) < 20;
        expect([object.name, verb]).toEqual([object.name, existed ? 'changed' : 'created']);
        if (existed) expect(fields).toContainEqual({ path: '/data/of', from: object.name, to: 'run' });
      }
    });

  it('stopped and continued after another took over: it changes nothing any more, neither here nor on the cluster', async () => {
    const names = Array.from({ length: 60 }, (_, i) => `late-${i}`);
    const late = await start();
    const runId = await lab.queue({ steps: [apply(...names)] });
    await expect
      .poll(async () => (await objects('late-')).length, { timeout: 30_000, interval: 10 })
      .toBeGreaterThan(5);
    late.child.kill('SIGSTOP');
    expect(await status(runId)).toBe('running');
    await start();
    await expect.poll(() => status(runId), patience).toBe('positive');
    const [objectsBefore, storyBefore, rowBefore] = [await objects('late-'), await story(runId), await row(runId)];
    late.child.kill('SIGCONT');
    await expect.poll(() => late.output(), patience).toMatch(/"outcome":"abandon"/);
    await clock.sleep(500);
    const objectsAfter = await objects('late-');
    expect(objectsAfter.map(substanceOf)).toEqual(objectsBefore.map(substanceOf));
    // One request may have been on its way to the cluster when the worker was stopped; there is never a second.
    const stamped = (fence: number) => objectsAfter.filter((object) => fenceOf(object) === fence).length;
    const before = objectsBefore.filter((object) => fenceOf(object) === 1).length;
    expect(stamped(1) - before).toBeLessThanOrEqual(1);
    expect(await story(runId)).toEqual(storyBefore);
    expect(await row(runId)).toEqual(rowBefore);
    await expectWholeStory(runId, 1);
    // It is as good as any other for the next run.
    const next = await lab.queue({ steps: [apply('late-next')] });
    await expect.poll(() => status(next), patience).toBe('positive');
  });

  it('told to stop (SIGTERM): gives its run back at once and ends with 0; another goes on without waiting for the lease', async () => {
    const leaving = await start({ NM_RUN_LEASE_MS: '60000' });
    const runId = await lab.queue({ steps: [gates.step('drain-gate'), apply('drain-after')] });
    await expect.poll(() => stepStatus(runId, 0), patience).toBe('running');
    await start({ NM_RUN_LEASE_MS: '60000' });
    const beganMs = clock.monotonicMs();
    expect(await leaving.end('SIGTERM')).toBe(0);
    expect(clock.monotonicMs() - beganMs).toBeLessThan(5_000);
    await expect.poll(async () => (await row(runId)).fence, { timeout: 5_000 }).toBe(2);
    gates.open('drain-gate');
    await expect.poll(() => status(runId), patience).toBe('positive');
    await expectWholeStory(runId, 2);
  });

  it('hears of a cancel wherever it was asked for', async () => {
    await start();
    const runId = await lab.queue({ steps: [gates.step('never')] });
    const waiting = await lab.queue({ steps: [apply('after-cancelled')] });
    await expect.poll(() => stepStatus(runId, 0), patience).toBe('running');
    const beganMs = clock.monotonicMs();
    await cancelRun(lab.database.db, lab.scope, runId);
    await expect.poll(() => status(runId), { timeout: 5_000, interval: 50 }).toBe('cancelled');
    expect(clock.monotonicMs() - beganMs).toBeLessThan(2_000);
    await expect.poll(() => status(waiting), patience).toBe('positive');
  });

  it('hears of a cancel of a run that waits, though its only slot is taken', async () => {
    await start({ NM_WORKER_CONCURRENCY: '1' });
    const waiting = await lab.queue({ steps: [awaits('nothing')] });
    await expect.poll(() => status(waiting), patience).toBe('waiting');
    const holding = await lab.queue({ steps: [gates.step('slot')] });
    await expect.poll(() => stepStatus(holding, 0), patience).toBe('running');
    await cancelRun(lab.database.db, lab.scope, waiting);
    await expect.poll(() => status(waiting), patience).toBe('cancelled');
    expect(await status(holding)).toBe('running');
    gates.open('slot');
    await expect.poll(() => status(holding), patience).toBe('positive');
  });

  if (backend === 'redis')
    it('loses no run when Redis loses everything', async () => {
      await start();
      const running = await lab.queue({ steps: [gates.step('redis-gate'), apply('redis-a')] });
      await expect.poll(() => stepStatus(running, 0), patience).toBe('running');
      const waiting = await lab.queue({ steps: [apply('redis-b')] });
      await redis?.restart();
      gates.open('redis-gate');
      await expect.poll(() => status(running), patience).toBe('positive');
      await expect.poll(() => status(waiting), patience).toBe('positive');
    });
}
