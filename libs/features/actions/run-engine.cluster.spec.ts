import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '@nm/adapters/k8kat';
import type { RbacPolicy, RunPlan } from '@nm/kernel/contracts';
import { systemClock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../testing/needs.js';
import { openRunLab, type RunLab } from '../../testing/run-lab.js';
import { cancelRun, runEvents } from './index.js';

const verbs = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const rbac: RbacPolicy = {
  roles: [
    {
      name: 'main',
      rules: [
        { apiGroups: [''], resources: ['configmaps', 'services'], verbs },
        { apiGroups: ['apps'], resources: ['deployments'], verbs },
        { apiGroups: [''], resources: ['services/proxy'], verbs: ['get'] },
        // By name: a question about all quotas is answered with no.
        { apiGroups: [''], resources: ['resourcequotas'], resourceNames: ['given', 'absent'], verbs: ['get', 'patch'] },
      ],
    },
  ],
  clusterRoles: [],
};

const deployment = (name: string, spec: Record<string, unknown> = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'main', image: 'example.com/web:1' }] },
    },
    ...spec,
  },
});
const configMap = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});
const refOf = ({ apiVersion, kind, metadata }: { apiVersion: string; kind: string; metadata: { name: string } }) => ({
  apiVersion,
  kind,
  name: metadata.name,
});
const apply = (...manifests: RunPlan['steps'] extends (infer _)[] ? KubeObject[] : never) =>
  ({ kind: 'apply', title: 'Apply', manifests }) as RunPlan['steps'][number];
const awaitRef = (object: Parameters<typeof refOf>[0], timeoutSeconds = 60): RunPlan['steps'][number] => ({
  kind: 'await',
  title: 'Wait',
  refs: [refOf(object)],
  timeoutSeconds,
});

describeWith(['kubernetes'], 'runs on a real cluster', () => {
  let lab: RunLab;
  beforeAll(async () => {
    lab = await openRunLab(rbac);
  });
  afterAll(() => lab.close());
  const advance = (runId: string) => lab.advance(runId);
  const get = (object: Parameters<typeof refOf>[0]) => lab.admin.get(refOf(object), lab.namespace);

  it('makes an install ready with its provisioning run, and announces it', async () => {
    const run = await lab.read(lab.provisionRunId);
    expect(run).toMatchObject({ kind: 'provision', status: 'positive' });
    const install = await lab.database.db.asSystem((tx) => tx.install.findUnique({ where: { id: lab.installId } }));
    expect(install?.state).toBe('ready');
    const changes = await lab.database.db.asSystem((tx) => tx.outbox.findMany({ where: { topic: 'change' } }));
    expect(changes.map((row) => row.payload)).toContainEqual({
      kind: 'install',
      id: lab.installId,
      orgId: lab.principal.orgId,
    });
  });

  it('applies in order, waits until it is ready, and tells the story of it', async () => {
    const web = deployment('web');
    const runId = await lab.queue({ steps: [apply(configMap('settings', { a: '1' }), web), awaitRef(web)] });
    expect(await advance(runId)).toBe('positive');
    const run = await lab.read(runId);
    expect(run.status).toBe('positive');
    expect(run.steps[0]?.output).toEqual({
      objects: [
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'settings', operation: 'created' },
        { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', operation: 'created' },
      ],
    });
    expect(run.progress).toMatchObject({
      status: 'positive',
      sub_items: [{ status: 'positive' }, { status: 'positive' }],
    });
    expect(run.progress.sub_items[1]?.logs.at(-1)).toBe('Deployment web: 2 of 2 replicas available');
    const live = await get(web);
    expect(live?.metadata?.annotations).toMatchObject({ 'nmachine.io/run': runId, 'nmachine.io/fence': '1' });
    expect(live?.metadata?.managedFields?.map((entry) => entry.manager)).toContain('nmachine');
    const { events, ended } = await runEvents(lab.database.db, lab.scope, runId, 0);
    expect(ended).toBe(true);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i + 1));
    expect(events.filter((event) => event.kind === 'status').map((event) => event.data['status'])).toEqual([
      'queued',
      'running',
      'positive',
    ]);

    const again = await lab.queue({
      steps: [apply(configMap('settings', { a: '1' }), deployment('web', { replicas: 1 }))],
    });
    await advance(again);
    expect((await lab.read(again)).steps[0]?.output).toMatchObject({
      objects: [{ operation: 'unchanged' }, { operation: 'configured' }],
    });
  });

  it('refuses a plan that the install may not carry out before it changes anything, naming what is missing', async () => {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'extra' } };
    const elsewhere = { ...configMap('x'), metadata: { name: 'x', namespace: 'kube-system' } };
    const runId = await lab.queue({ steps: [apply(configMap('first')), apply(account, elsewhere)] });
    expect(await advance(runId)).toBe('negative');
    const run = await lab.read(runId);
    expect(run.error).toMatchObject({ code: 'cluster_forbidden', fatal: true });
    expect(run.error?.missing).toContain(`patch serviceaccounts "extra" in namespace ${lab.namespace}`);
    expect(run.error?.missing).toContain('create configmaps "x" in namespace kube-system');
    expect(run.error?.issues?.map(({ path }) => path)).toContain('steps.1');
    expect(run.steps.map((step) => [step.status, step.attempts])).toEqual([
      ['idle', 0],
      ['idle', 0],
    ]);
    expect(await get(configMap('first'))).toBeUndefined();
  });

  it('needs the right to create only for what does not exist', async () => {
    const quota = (name: string, pods: string) => ({
      ...{ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name } },
      spec: { hard: { pods } },
    });
    await lab.admin.apply(quota('given', '100'), { namespace: lab.namespace, fieldManager: 'test' });
    const absent = await lab.queue({ steps: [apply(quota('given', '90'), quota('absent', '1'))] });
    expect(await advance(absent)).toBe('negative');
    expect((await lab.read(absent)).error?.missing).toEqual([
      `create resourcequotas "absent" in namespace ${lab.namespace}`,
    ]);
    const other = await lab.queue({ steps: [apply(quota('other', '1'))] });
    expect(await advance(other)).toBe('negative');
    expect((await lab.read(other)).error?.missing).toContain(
      `patch resourcequotas "other" in namespace ${lab.namespace}`,
    );
    const present = await lab.queue({ steps: [apply(quota('given', '90'))] });
    expect(await advance(present)).toBe('positive');
    await lab.admin.delete(refOf(quota('given', '')), lab.namespace);
  });

  it('ends negative with the reason when a rollout fails', async () => {
    // A quota refuses the second pod, so the rollout cannot progress.
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'none' },
      spec: { hard: { pods: '0' } },
    };
    await lab.admin.apply(quota, { namespace: lab.namespace, fieldManager: 'test' });
    const stuck = deployment('stuck', { progressDeadlineSeconds: 2 });
    const runId = await lab.queue({ steps: [apply(stuck), awaitRef(stuck), apply(configMap('after-stuck'))] });
    expect(await advance(runId)).toBe('negative');
    await lab.admin.delete(refOf(quota), lab.namespace);
    const run = await lab.read(runId);
    expect(run.error).toMatchObject({
      code: 'step_failed',
      type: 'ProgressDeadlineExceeded',
      object: 'Deployment stuck',
      reason: expect.stringContaining('ProgressDeadlineExceeded'),
    });
    expect(run.progress.sub_items[1]?.logs.join('\n')).toContain('exceeded quota');
    expect(run.steps.map((step) => step.status)).toEqual(['positive', 'negative', 'idle']);
    expect(await get(configMap('after-stuck'))).toBeUndefined();
  });

  it('stops within two seconds when it is cancelled, and does none of the rest', async () => {
    const runId = await lab.queue({ steps: [awaitRef(configMap('never')), apply(configMap('after-cancel'))] });
    const working = advance(runId);
    await expect.poll(async () => (await lab.read(runId)).steps[0]?.status).toBe('running');
    const beganMs = systemClock.monotonicMs();
    await cancelRun(lab.database.db, lab.scope, runId);
    expect(await working).toBe('cancelled');
    expect(systemClock.monotonicMs() - beganMs).toBeLessThan(2_000);
    const run = await lab.read(runId);
    expect(run).toMatchObject({ status: 'cancelled', error: { code: 'run_cancelled' } });
    expect(run.steps.map((step) => step.status)).toEqual(['negative', 'idle']);
    expect(await get(configMap('after-cancel'))).toBeUndefined();
  });

  it('times out by the step and by the run, and says what was missing', async () => {
    const byStep = await lab.queue({ steps: [awaitRef(configMap('never'), 1)] });
    expect(await advance(byStep)).toBe('timed_out');
    expect((await lab.read(byStep)).error).toMatchObject({
      code: 'run_timeout',
      reason: 'Not done within 1 s: ConfigMap never: does not exist yet.',
    });
    const byRun = await lab.queue({ steps: [awaitRef(configMap('never'))] }, { timeoutSeconds: 5 });
    expect(await advance(byRun)).toBe('timed_out');
    expect((await lab.read(byRun)).steps[0]).toMatchObject({ status: 'negative', error: { code: 'run_timeout' } });
  });

  it('deletes what was there and leaves alone what has taken its name since', async () => {
    const runId = await lab.queue({ steps: [apply(configMap('old', { a: '1' }))] });
    await advance(runId);
    const plan: RunPlan = {
      steps: [
        {
          kind: 'delete',
          title: 'Delete',
          refs: [refOf(configMap('old')), refOf(configMap('absent'))],
          timeoutSeconds: 30,
        },
      ],
    };
    const first = await lab.queue(plan);
    expect(await advance(first)).toBe('positive');
    expect(await get(configMap('old'))).toBeUndefined();

    // A worker noted which object it means, deleted it and died; then somebody made a new one. The step is done again.
    const second = await lab.queue(plan);
    const output = (await lab.read(first)).steps[0]?.output as object;
    await lab.database.db.asSystem(async (tx) => {
      await tx.runStep.updateMany({ where: { runId: second }, data: { status: 'running', attempts: 1, output } });
      await tx.run.update({ where: { id: second }, data: { fence: 1 } });
    });
    await lab.admin.apply(configMap('old', { new: 'yes' }), { namespace: lab.namespace, fieldManager: 'somebody' });
    expect(await advance(second)).toBe('positive');
    expect((await get(configMap('old')))?.['data']).toEqual({ new: 'yes' });
  });

  it('waits for an HTTP answer from an allowed address', async () => {
    let hits = 0;
    const server = createServer((_, response) => response.writeHead(++hits < 3 ? 503 : 204).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ready`;
    const step = { kind: 'wait-for-http' as const, title: 'Wait', url, expectStatus: 204, timeoutSeconds: 20 };
    const runId = await lab.queue({ steps: [step] });
    expect(await advance(runId)).toBe('positive');
    expect((await lab.read(runId)).steps[0]?.output).toEqual({ status: 204 });
    server.close();
    const denied = await lab.queue({ steps: [{ ...step, url: 'http://169.254.169.254/' }] });
    expect(await advance(denied)).toBe('negative');
    expect((await lab.read(denied)).error?.code).toBe('egress_denied');
  });

  it('asks a service through the API server, as the install', async () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'empty' },
      spec: { selector: { app: 'none' }, ports: [{ port: 80 }] },
    };
    const runId = await lab.queue({
      steps: [
        apply(service),
        {
          kind: 'wait-for-http',
          title: 'Wait',
          service: { name: 'empty', port: 80, path: '/' },
          expectStatus: 200,
          timeoutSeconds: 1,
        },
      ],
    });
    expect(await advance(runId)).toBe('timed_out');
    // The API server's own words: it looked for the service's endpoints, so the path and the permission were right.
    expect((await lab.read(runId)).error?.reason).toContain('Service empty:80/ answered 503');
  });
});
