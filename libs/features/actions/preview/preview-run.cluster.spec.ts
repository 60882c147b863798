import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '@nm/adapters/k8kat';
import { CreateRun, type RbacPolicy, type RunPlan } from '@nm/kernel/contracts';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../../../testing/needs.js';
import { openRunLab, type RunLab } from '../../../testing/run-lab.js';
import { advanceRun, previewRun } from '../index.js';

const verbs = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const rbac: RbacPolicy = {
  roles: [
    {
      name: 'main',
      rules: [
        { apiGroups: [''], resources: ['configmaps', 'secrets', 'pods', 'events'], verbs },
        { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
        { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs },
        { apiGroups: ['batch'], resources: ['jobs'], verbs },
      ],
    },
  ],
  clusterRoles: [],
};
const never = new AbortController().signal;
const kinds = [
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['v1', 'Event'],
  ['v1', 'Service'],
  ['apps/v1', 'Deployment'],
  ['batch/v1', 'Job'],
] as const;
const mapRef = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name });
const configMap = (name: string, data: Record<string, string> = {}) => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
  data,
});
const webRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const web = (env: object[] = []) => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'main', image: 'example.com/web:1', env }] },
    },
  },
});

describeWith(['kubernetes'], 'the preview of a run, on a real cluster', () => {
  let lab: RunLab;
  let url: string;
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    response.end();
  });
  beforeAll(async () => {
    lab = await openRunLab(rbac);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key' }, stringData: { key: 'old secret' } };
    const manifests = [configMap('old', { a: '1' }), web(), secret];
    const runId = await lab.queue({ steps: [{ kind: 'apply', title: 'Apply', manifests }] } as RunPlan);
    expect(await advanceRun(lab.engine(), runId, never)).toBe('positive');
    // Its controller writes to the Deployment until it is ready.
    const settled = async () => {
      const { observedGeneration, readyReplicas } = ((await lab.admin.get(webRef, lab.namespace))?.['status'] ??
        {}) as Record<string, number>;
      expect([observedGeneration, readyReplicas]).toEqual([1, 1]);
    };
    await vi.waitFor(settled, { timeout: 60_000, interval: 200 });
  });
  afterAll(async () => {
    server.close();
    await lab.close();
  });

  const preview = (steps: object[]) => {
    const { db } = lab.database;
    const { clock, sessions } = lab.engine();
    const body = CreateRun.parse({ action: 'upgrade', title: 'Upgrade', plan: { steps } });
    return previewRun({ db, clock, sessions }, lab.principal, body);
  };
  /** All that is there, with its versions. What controllers do by themselves is not ours. */
  const world = async () => {
    const lists = await Promise.all(
      kinds.map(([apiVersion, kind]) => lab.admin.list({ apiVersion, kind, namespace: lab.namespace })),
    );
    const objects = lists
      .flatMap(({ items }) => items)
      .map(({ kind, metadata }: KubeObject) => [kind, metadata?.name, metadata?.uid, metadata?.resourceVersion]);
    const counts = await lab.database.db.asSystem(async (tx) => [
      await tx.run.count(),
      await tx.runStep.count(),
      await tx.runLog.count(),
      await tx.runChange.count(),
      await tx.outbox.count(),
    ]);
    return { objects: objects.filter(([kind]) => kind !== 'Event').sort(), counts };
  };

  it('tells for each kind of step what it would change, and changes nothing', async () => {
    const before = await world();
    const job = {
      ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'migrate' } },
      spec: {
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.com/job:1' }] } },
      },
    };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key' }, stringData: { key: 'new secret' } };
    const env = [{ name: 'DB_PASSWORD', value: 'swordfish' }];
    const { missing, steps } = await preview([
      { kind: 'apply', title: 'Apply', manifests: [configMap('old', { a: '2' }), configMap('new'), secret, web(env)] },
      { kind: 'apply', title: 'Same', manifests: [configMap('old', { a: '1' })] },
      { kind: 'patch', title: 'Patch', ref: mapRef('old'), patch: { data: { b: '3' } } },
      { kind: 'scale', title: 'Scale', ref: webRef, replicas: 3 },
      { kind: 'restart', title: 'Restart', ref: webRef },
      { kind: 'delete', title: 'Delete', refs: [mapRef('old'), mapRef('absent')] },
      { kind: 'variables', title: 'Variables', merge: { 'db.host': 'pg' } },
      { kind: 'run-job', title: 'Job', manifest: job },
      { kind: 'run-pod', title: 'Pod', image: 'example.com/tool:1', command: ['true'] },
      { kind: 'emit-event', title: 'Event', ref: mapRef('old'), reason: 'Upgraded', message: 'to 2' },
      { kind: 'http-request', title: 'Call', url },
      { kind: 'await', title: 'Wait', refs: [webRef] },
      { kind: 'wait-for-http', title: 'Wait', url },
      {
        kind: 'run-action',
        title: 'Child',
        action: 'child',
        plan: { steps: [{ kind: 'scale', title: 'Scale', ref: webRef, replicas: 5 }] },
      },
    ]);
    expect(missing).toEqual([]);
    expect(
      steps.map(({ path, outcome, changes }) => [
        path,
        outcome,
        changes.map(({ verb, object }) => `${verb} ${object.kind} ${object.name}`),
      ]),
    ).toEqual([
      [
        'steps.0',
        'changes',
        ['changed ConfigMap old', 'created ConfigMap new', 'changed Secret key', 'changed Deployment web'],
      ],
      ['steps.1', 'unchanged', []],
      ['steps.2', 'changes', ['changed ConfigMap old']],
      ['steps.3', 'changes', ['changed Deployment web']],
      ['steps.4', 'changes', ['changed Deployment web']],
      ['steps.5', 'changes', ['deleted ConfigMap old']],
      ['steps.6', 'changes', ['created ConfigMap kamafile']],
      ['steps.7', 'changes', [expect.stringMatching(/^created Job migrate-/)]],
      ['steps.8', 'changes', [expect.stringMatching(/^created Job run-pod-/)]],
      ['steps.9', 'changes', [expect.stringMatching(/^created Event old\./)]],
      ['steps.10', 'unknown', []],
      ['steps.11', 'reads', []],
      ['steps.12', 'reads', []],
      ['steps.13', 'unknown', []],
      ['steps.13.plan.steps.0', 'changes', ['changed Deployment web']],
    ]);
    expect(steps[0]?.changes[0]?.fields).toEqual([{ path: '/data/a', from: '1', to: '2' }]);
    expect(steps[3]?.changes[0]?.fields).toEqual([{ path: '/spec/replicas', from: 1, to: 3 }]);
    expect([steps[3]?.after, steps[10]?.why]).toEqual([[0], 'What a request does is known only when it was sent.']);
    const told = JSON.stringify(steps);
    for (const text of ['new secret', 'old secret', 'swordfish', Buffer.from('new secret').toString('base64')])
      expect(told).not.toContain(text);
    expect(told).toContain('(hidden)');
    expect(await world()).toEqual(before);
    expect(asked).toBe(0);
  });

  it('says what is not permitted, what the cluster refuses, what builds on earlier steps, and what would be skipped', async () => {
    const before = await world();
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } };
    const { missing, steps } = await preview([
      { kind: 'apply', title: 'Forbidden', manifests: [service] },
      { kind: 'apply', title: 'Broken', manifests: [{ ...configMap('x'), surprise: true }] },
      { kind: 'patch', title: 'Missing', ref: mapRef('later'), patch: { data: { a: '1' } } },
      { kind: 'apply', title: 'Make', manifests: [configMap('later')] },
      { kind: 'patch', title: 'Builds', ref: mapRef('later'), patch: { data: { a: '1' } } },
      {
        kind: 'scale',
        id: 'scale',
        title: 'Scale',
        ref: webRef,
        replicas: 1,
        when: { object: mapRef('none'), is: 'present' },
      },
      { kind: 'apply', title: 'Refers', manifests: [{ ...configMap('y'), data: { n: { $from: 'steps.scale.to' } } }] },
      { kind: 'patch', title: 'Kind', ref: { apiVersion: 'example.com/v1', kind: 'Nope', name: 'n' }, patch: {} },
      { kind: 'exec', title: 'Exec', pod: { name: 'p' }, command: ['true'] },
    ]);
    const within = `in namespace ${lab.namespace}`;
    expect(missing).toContainEqual({ permission: `create services "s" ${within}`, paths: ['steps.0'] });
    expect(missing).toContainEqual({ permission: `create pods/exec "p" ${within}`, paths: ['steps.8'] });
    expect(steps.map(({ title, outcome, error }) => [title, outcome, error?.code])).toEqual([
      ['Forbidden', 'fails', 'cluster_forbidden'],
      ['Broken', 'fails', 'kube_api'],
      ['Missing', 'fails', 'step_failed'],
      ['Make', 'changes', undefined],
      ['Builds', 'unknown', undefined],
      ['Scale', 'unchanged', undefined],
      ['Refers', 'unknown', undefined],
      ['Kind', 'unknown', undefined],
      ['Exec', 'unknown', undefined],
    ]);
    expect(steps[4]?.why).toBe('It builds on an earlier step: ConfigMap later does not exist.');
    expect(steps[5]?.why).toBe('It is skipped as things are now: ConfigMap none does not exist.');
    expect(await world()).toEqual(before);
  });

  it('refuses a plan that is not valid, as a run would', async () => {
    const twice = {
      kind: 'run-action',
      title: 'A',
      action: 'upgrade',
      plan: { steps: [{ kind: 'restart', title: 'R', ref: webRef }] },
    };
    await expect(preview([twice])).rejects.toMatchObject({
      code: 'plan_invalid',
      extra: { issues: [{ path: 'steps.0.action', message: 'a cycle: upgrade → upgrade' }] },
    });
  });
});
