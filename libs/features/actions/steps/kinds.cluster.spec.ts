import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '@nm/adapters/k8kat';
import type { RbacPolicy, RunPlan } from '@nm/kernel/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../testing/needs.js';
import { openRunLab, type RunLab } from '../../../testing/run-lab.js';

const verbs = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const rbac: RbacPolicy = {
  roles: [
    {
      name: 'main',
      rules: [
        { apiGroups: [''], resources: ['configmaps', 'pods', 'events'], verbs },
        { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
        { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs },
        { apiGroups: ['batch'], resources: ['jobs'], verbs },
      ],
    },
  ],
  clusterRoles: [],
};
type Step = RunPlan['steps'][number];
const configMap = (name: string, data: Record<string, string> = {}, annotations: Record<string, string> = {}) => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations } },
  data,
});
const web = (image: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image }] } },
  },
});
const webRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
interface Template {
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
}
const templateOf = (object: KubeObject | undefined) =>
  (object?.['spec'] as { template?: Template } | undefined)?.template;
const mapRef = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name });
const apply = (manifests: KubeObject[], more: object = {}): Step =>
  ({ kind: 'apply', title: 'Apply', manifests, ...more }) as Step;

describeWith(['kubernetes'], 'every kind of step, on a real cluster', () => {
  let lab: RunLab;
  beforeAll(async () => {
    lab = await openRunLab(rbac);
  });
  afterAll(() => lab.close());
  const work = async (...steps: Step[]) => {
    const runId = await lab.queue({ steps });
    const verdict = await lab.advance(runId);
    const run = await lab.read(runId);
    return { ...run, verdict, outputs: run.steps.map(({ output }) => output) };
  };
  const get = (ref: { apiVersion: string; kind: string; name: string }) => lab.admin.get(ref, lab.namespace);
  /** Done once more, as after a crash between the work and its record. */
  const again = async (runId: string, position: number, noted?: object) => {
    await lab.database.db.asSystem(async (tx) => {
      const data = { status: 'running', ...(noted ? { output: noted } : {}) };
      await tx.runStep.updateMany({ where: { runId, position }, data });
      await tx.run.update({ where: { id: runId }, data: { status: 'queued', finishedAt: null } });
    });
    return lab.advance(runId);
  };

  it('patch changes what it names, null removes, and a missing object is a failure', async () => {
    const done = await work(apply([configMap('p', { a: '1', b: '2' })]), {
      ...{ kind: 'patch', title: 'Patch', ref: mapRef('p') },
      patch: { data: { a: '3', b: null } },
    });
    expect(done.verdict).toBe('positive');
    expect((await get(mapRef('p')))?.['data']).toEqual({ a: '3' });
    expect((await get(mapRef('p')))?.metadata?.annotations).toMatchObject({ 'nmachine.io/run': done.id });
    const missing = await work({ kind: 'patch', title: 'Patch', ref: mapRef('nope'), patch: {} });
    expect(missing.error).toMatchObject({ code: 'step_failed', reason: 'ConfigMap nope does not exist.' });
  });

  it('scale sets replicas and tells from what to what', async () => {
    const done = await work(apply([web('example.com/web:1')]), {
      kind: 'scale',
      title: 'Scale',
      ref: webRef,
      replicas: 3,
    });
    expect(done.outputs[1]).toMatchObject({ from: 1, to: 3 });
    expect((await get(webRef))?.['spec']).toMatchObject({ replicas: 3 });
  });

  it('restart changes the pod template once, however often the step is done', async () => {
    const done = await work({ kind: 'restart', title: 'Restart', ref: webRef });
    expect(done.verdict).toBe('positive');
    const template = async () => JSON.stringify(templateOf(await get(webRef)));
    const once = await template();
    expect(once).toContain('nmachine.io/restarted-by');
    expect(await again(done.id, 0)).toBe('positive');
    expect(await template()).toBe(once);
    const other = await work({ kind: 'restart', title: 'Restart', ref: webRef });
    expect(await template()).not.toBe(once);
    expect(other.verdict).toBe('positive');
  });

  it('rollout-undo goes back one revision, and stays there when it is done again', async () => {
    const settled = { kind: 'await', title: 'Wait', refs: [webRef], timeoutSeconds: 60 } as Step;
    await work(apply([web('example.com/web:2')]), settled);
    await work(apply([web('example.com/web:3')]), settled);
    const image = async () => templateOf(await get(webRef))?.spec.containers[0]?.image;
    const sets = await lab.admin.list({ apiVersion: 'apps/v1', kind: 'ReplicaSet', namespace: lab.namespace });
    const second = sets.items.map(templateOf).find((template) => template?.spec.containers[0]?.image.endsWith(':2'));
    const done = await work({ kind: 'rollout-undo', title: 'Undo', ref: webRef });
    expect(done.verdict).toBe('positive');
    expect(await image()).toBe('example.com/web:2');
    // Its worker died after the change: what it chose is noted, and is chosen again.
    expect(await again(done.id, 0, { revision: 2, template: second })).toBe('positive');
    expect(await image()).toBe('example.com/web:2');
    const unknown = await work({ kind: 'rollout-undo', title: 'Undo', ref: webRef, toRevision: 99 });
    expect(unknown.error?.reason).toBe('Deployment web has no revision 99 to go back to.');
  });

  it('run-job runs one Job to its end, and waits for the same one when it is done again', async () => {
    const manifest = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'migrate' },
      spec: {
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.com/job:1' }] } },
      },
    };
    const done = await work({ kind: 'run-job', title: 'Migrate', manifest, timeoutSeconds: 60 } as Step);
    expect(done.verdict).toBe('positive');
    const jobs = () => lab.admin.list({ apiVersion: 'batch/v1', kind: 'Job', namespace: lab.namespace });
    expect((await jobs()).items.map(({ metadata }) => metadata?.name)).toEqual([
      expect.stringMatching(/^migrate-\w{10}$/),
    ]);
    expect(await again(done.id, 0)).toBe('positive');
    expect((await jobs()).items).toHaveLength(1);
  });

  it('wait-for waits for a field, and says what it saw when it is too late', async () => {
    const condition = { object: mapRef('w'), field: 'data.state', equals: 'done' };
    const runId = await lab.queue({ steps: [{ kind: 'wait-for', title: 'Wait', condition, timeoutSeconds: 60 }] });
    const working = lab.advance(runId);
    await lab.admin.apply(configMap('w', { state: 'begun' }), { namespace: lab.namespace, fieldManager: 'somebody' });
    await expect
      .poll(async () => (await lab.read(runId)).progress.sub_items[0]?.logs.at(-1), { timeout: 20_000 })
      .toBe('ConfigMap w: data.state is "begun"');
    await lab.admin.apply(configMap('w', { state: 'done' }), { namespace: lab.namespace, fieldManager: 'somebody' });
    expect(await working).toBe('positive');
    const late = await work({
      kind: 'wait-for',
      title: 'Wait',
      timeoutSeconds: 1,
      condition: { ...condition, equals: 'x' },
    });
    expect(late.error?.reason).toBe('Not done within 1 s: ConfigMap w: data.state is "done".');
  });

  it('emit-event writes one Event about an object, and no second one when it is done again', async () => {
    const done = await work({
      ...{ kind: 'emit-event', title: 'Tell', ref: mapRef('w'), type: 'Warning' },
      ...{ reason: 'Upgraded', message: 'to 2.0' },
    } as Step);
    expect(done.verdict).toBe('positive');
    expect(await again(done.id, 0)).toBe('positive');
    const { items } = await lab.admin.list({ apiVersion: 'v1', kind: 'Event', namespace: lab.namespace });
    expect(items.filter((event) => event['reason'] === 'Upgraded')).toMatchObject([
      { type: 'Warning', message: 'to 2.0', involvedObject: { kind: 'ConfigMap', name: 'w' } },
    ]);
  });

  it('apply goes by waves and prunes what its owner no longer names, and nothing else', async () => {
    const wave = (n: number) => ({ 'nmachine.io/wave': String(n) });
    const prune = { owner: 'shop', kinds: [{ apiVersion: 'v1', kind: 'ConfigMap' }] };
    const first = await work(apply([configMap('late', {}, wave(2)), configMap('early', {}, wave(-1))], { prune }));
    expect((first.outputs[0] as { objects: { name: string }[] }).objects.map(({ name }) => name)).toEqual([
      'early',
      'late',
    ]);
    await work(apply([configMap('foreign')]));
    await work(apply([configMap('neighbour')], { prune: { ...prune, owner: 'other' } }));
    const second = await work(apply([configMap('late')], { prune }));
    expect(second.outputs[0]).toMatchObject({
      objects: [{ name: 'late' }, { name: 'early', operation: 'pruned' }],
    });
    expect(await get(mapRef('early'))).toBeUndefined();
    for (const name of ['late', 'foreign', 'neighbour']) expect(await get(mapRef(name)), name).toBeDefined();
  });

  it('delete goes in order when it is told to', async () => {
    await work(apply([configMap('d1'), configMap('d2')]));
    const done = await work({
      ...{ kind: 'delete', title: 'Delete', ordered: true, timeoutSeconds: 30 },
      refs: [mapRef('d1'), mapRef('d2')],
    } as Step);
    expect(done.progress.sub_items[0]?.logs).toEqual([
      'ConfigMap d1 is being deleted',
      'ConfigMap d1 is gone',
      'ConfigMap d2 is being deleted',
      'ConfigMap d2 is gone',
    ]);
  });

  it('http-request sends a POST once, tells a wrong answer, and may be retried after one', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request
        .on('data', (chunk: Buffer) => (body += chunk.toString()))
        .on('end', () => {
          seen.push(`${request.method} ${body}`);
          response.writeHead(seen.length < 2 ? 500 : 201).end('{"ok":true}');
        });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const step = {
      kind: 'http-request',
      title: 'Send',
      method: 'POST',
      url,
      body: { a: 1 },
      expectStatus: [201],
      timeoutSeconds: 5,
    };
    const done = await work({ ...step, retry: { times: 1, pauseSeconds: 1 } } as Step);
    server.close();
    expect(done.verdict).toBe('positive');
    expect(seen).toEqual(['POST {"a":1}', 'POST {"a":1}']);
    expect(done.outputs[0]).toEqual({ status: 201, body: '{"ok":true}' });
    const refused = await work(step as Step);
    expect(refused.error?.code).toBe('step_failed');
  });

  it('http-request ends as unknown when the connection breaks after it was sent, and is never sent again', async () => {
    let arrived = 0;
    const server = createServer((request) => {
      arrived++;
      request.socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const step = { kind: 'http-request', title: 'Send', method: 'POST', url, expectStatus: [201], timeoutSeconds: 5 };
    const done = await work({ ...step, retry: { times: 3, pauseSeconds: 1 } } as Step);
    server.close();
    expect(done.steps[0]).toMatchObject({ status: 'unknown', error: { code: 'step_unknown' } });
    expect([done.verdict, arrived, done.status, done.waiting?.step]).toEqual(['waits', 1, 'waiting', 0]);
    await lab.database.db.asSystem((tx) => tx.run.update({ where: { id: done.id }, data: { status: 'cancelled' } }));
  });
});
