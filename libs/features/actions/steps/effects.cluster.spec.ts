import type { Tx } from '@nm/adapters/db';
import type { KubeObject } from '@nm/adapters/k8kat';
import type { RbacPolicy, RunChange, RunPlan } from '@nm/kernel/contracts';
import { mergedVars, parseKamafile } from '@nm/kernel/kamafile';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../testing/needs.js';
import { openRunLab, type RunLab } from '../../../testing/run-lab.js';
import { cancelRun, listChanges } from '../index.js';

const verbs = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const rbac: RbacPolicy = {
  roles: [
    {
      name: 'main',
      rules: [
        { apiGroups: [''], resources: ['configmaps', 'secrets', 'pods', 'events'], verbs },
        { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
        { apiGroups: ['apps'], resources: ['deployments'], verbs },
        { apiGroups: ['batch'], resources: ['jobs'], verbs },
      ],
    },
  ],
  clusterRoles: [],
};
type Step = RunPlan['steps'][number];
const mapRef = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name });
const configMap = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels } },
  data,
});
const apply = (...manifests: object[]): Step => ({ kind: 'apply', title: 'Apply', manifests }) as Step;
const fail = { kind: 'patch', title: 'Fail', ref: mapRef('nobody'), patch: { data: { a: '1' } } } as Step;
const variables = (more: object): Step =>
  ({ kind: 'variables', title: 'Variables', space: 'app', level: 'user_vars', ...more }) as Step;
const action = (name: string, steps: Step[], more: object = {}): Step =>
  ({ kind: 'run-action', title: `Run ${name}`, action: name, plan: { steps }, timeoutSeconds: 60, ...more }) as Step;

describeWith(['kubernetes'], 'steps, what they change, and runs that are parts of others, on a real cluster', () => {
  let lab: RunLab;
  beforeAll(async () => {
    lab = await openRunLab(rbac);
  });
  afterAll(() => lab.close());
  const asSystem = <T>(make: (tx: Tx) => Promise<T>) => lab.database.db.asSystem(make);
  const advance = (runId: string) => lab.advance(runId);
  const work = async (...steps: Step[]) => {
    const runId = await lab.queue({ steps });
    const verdict = await advance(runId);
    return { ...(await lab.read(runId)), verdict };
  };
  const get = (name: string, kind = 'ConfigMap') => lab.admin.get({ apiVersion: 'v1', kind, name }, lab.namespace);
  const changesOf = async (runId: string): Promise<RunChange[]> =>
    (await listChanges(lab.database.db, lab.scope, runId, { limit: 200 })).data;
  /** As after a crash between the work and its record. */
  const again = async (runId: string, position: number, noted?: object) => {
    await asSystem(async (tx) => {
      await tx.runStep.updateMany({
        where: { runId, position },
        data: { status: 'running', ...(noted ? { output: noted } : {}) },
      });
      await tx.run.update({ where: { id: runId }, data: { status: 'queued', finishedAt: null } });
    });
    return advance(runId);
  };

  it('sets, merges and unsets variables of the Kamafile, and writes nothing when nothing changes', async () => {
    const done = await work(
      variables({ merge: { 'db.host': 'pg', tier: 1 } }),
      variables({ merge: { db: { port: 5432 } } }),
      variables({ unset: ['tier'] }),
      variables({ level: 'default_vars', set: { db: { host: 'none', user: 'me' } } }),
    );
    expect([done.verdict, done.error]).toEqual(['positive', undefined]);
    const space = async () =>
      parseKamafile(((await get('kamafile'))?.['data'] ?? {}) as Record<string, string>).get('app');
    const now = await space();
    expect(now?.levels.user_vars).toEqual({ db: { host: 'pg', port: 5432 } });
    expect(now && mergedVars(now)).toEqual({ db: { host: 'pg', port: 5432, user: 'me' } });
    expect((await get('kamafile'))?.metadata).toMatchObject({ labels: { managed_by: 'nmachine' } });
    const version = (await get('kamafile'))?.metadata?.resourceVersion;
    const same = await work(variables({ merge: { db: { port: 5432 } } }));
    expect((await get('kamafile'))?.metadata?.resourceVersion).toBe(version);
    expect(same.changes.count).toBe(0);
    expect((await changesOf(done.id)).map(({ step, verb }) => [step, verb])).toEqual([
      [0, 'created'],
      [1, 'changed'],
      [2, 'changed'],
      [3, 'changed'],
    ]);
  });

  it('keeps secret variables in the Secret, and tells that they changed but not to what', async () => {
    const secret = 'correct horse battery staple';
    const done = await work(variables({ merge: { password: secret }, secret: true }));
    expect([done.verdict, done.error]).toEqual(['positive', undefined]);
    const data = (await get('kamafile', 'Secret'))?.['data'] as Record<string, string>;
    expect(Buffer.from(data['app'] ?? '', 'base64').toString()).toContain(secret);
    expect(JSON.stringify((await get('kamafile')) ?? {})).not.toContain(secret);
    const other = await work(variables({ merge: { password: 'another one' }, secret: true }));
    const [change] = await changesOf(other.id);
    expect(change).toMatchObject({ verb: 'changed', object: { kind: 'Secret', name: 'kamafile' } });
    expect(change?.fields).toContainEqual({ path: '/data/app', from: '(hidden)', to: '(hidden)' });
    const told = JSON.stringify([await changesOf(done.id), await changesOf(other.id), await lab.read(done.id)]);
    for (const text of [secret, 'another one', Buffer.from(secret).toString('base64').slice(0, 12)])
      expect(told).not.toContain(text);
  });

  it('loses no variable when others write the Kamafile at the same time', async () => {
    const writes = Array.from({ length: 5 }, (_, i) => variables({ merge: { [`many.v${i}`]: i } }));
    const done = await work({ kind: 'group', title: 'All', mode: 'parallel', steps: writes } as Step);
    expect([done.verdict, done.error]).toEqual(['positive', undefined]);
    const kamafile = parseKamafile(((await get('kamafile'))?.['data'] ?? {}) as Record<string, string>);
    expect(kamafile.get('app')?.levels.user_vars['many']).toEqual({ v0: 0, v1: 1, v2: 2, v3: 3, v4: 4 });
  });

  it('carries the state of the first generation over with the first write, and refuses what is no Kamafile', async () => {
    await lab.admin.delete({ ...mapRef('kamafile') }, lab.namespace);
    await lab.admin.apply(configMap('master', { tam: '{}', manifest_variables: '{"a":{"b":1}}', app_id: '7' }), {
      namespace: lab.namespace,
      fieldManager: 'wiz',
    });
    expect((await work(variables({ merge: { 'a.c': 2 } }))).verdict).toBe('positive');
    const kamafile = parseKamafile(((await get('kamafile'))?.['data'] ?? {}) as Record<string, string>);
    expect(kamafile.get('app')).toMatchObject({
      fields: { app_id: '7' },
      levels: { user_vars: { a: { b: 1, c: 2 } } },
    });
    await lab.admin.apply(configMap('kamafile', { app: 'no json' }), {
      ...{ namespace: lab.namespace, fieldManager: 'somebody', force: true },
    });
    const refused = await work(variables({ merge: { x: 1 } }));
    expect(refused.error).toMatchObject({ code: 'kamafile_invalid', object: 'ConfigMap kamafile' });
    await lab.admin.delete(mapRef('kamafile'), lab.namespace);
  });

  it('deletes victim groups one after the other, what a selection finds included', async () => {
    await work(
      apply(
        ...['g1', 'g2', 'g3'].map((name) => configMap(name, {}, { tier: 'web' })),
        configMap('store'),
        configMap('kept'),
      ),
    );
    const done = await work({
      ...{ kind: 'delete', title: 'Uninstall', refs: [], timeoutSeconds: 30 },
      groups: [
        { title: 'Web', refs: [], select: [{ apiVersion: 'v1', kind: 'ConfigMap', labels: { tier: 'web' } }] },
        { title: 'Storage', refs: [mapRef('store'), mapRef('absent')], select: [] },
      ],
    } as Step);
    expect([done.verdict, done.error]).toEqual(['positive', undefined]);
    const lines = done.progress.sub_items[0]?.logs ?? [];
    expect(lines.indexOf('Storage: 1 to delete')).toBeGreaterThan(lines.indexOf('ConfigMap g3 is gone'));
    expect(lines).toContain('ConfigMap absent is absent');
    for (const name of ['g1', 'g2', 'g3', 'store']) expect(await get(name)).toBeUndefined();
    expect(await get('kept')).toBeDefined();
    expect((await changesOf(done.id)).map(({ verb, object }) => [verb, object.name]).sort()).toEqual(
      ['g1', 'g2', 'g3', 'store'].map((name) => ['deleted', name]),
    );
  });

  it('tells what it changed, from what to what, once, though a worker died in the write', async () => {
    await lab.admin.apply(configMap('told', { a: '1' }), { namespace: lab.namespace, fieldManager: 'somebody' });
    const version = (await get('told'))?.metadata?.resourceVersion;
    const done = await work(apply(configMap('told', { a: '2' }), configMap('told-new', { b: '1' })));
    const object = { ...mapRef('told'), namespace: lab.namespace };
    expect(await changesOf(done.id)).toMatchObject([
      {
        ...{ step: 0, object, verb: 'changed', versionBefore: version, truncated: false },
        versionAfter: (await get('told'))?.metadata?.resourceVersion,
        fields: [{ path: '/data/a', from: '1', to: '2' }],
      },
      { verb: 'created', object: { name: 'told-new' } },
    ]);
    expect(done.changes).toMatchObject({ count: 2, first: [{ verb: 'changed', object }, { verb: 'created' }] });
    // Its worker died after the write and before its record: the row is open, with what was before.
    const [first] = await changesOf(done.id);
    await asSystem(
      (tx) => tx.$executeRaw`
        UPDATE run_change SET verb = NULL, diff = NULL, before = '{"kind":"ConfigMap","metadata":{"name":"told"},"data":{"a":"1"}}'
         WHERE id = ${first?.id}`,
    );
    expect((await changesOf(done.id))[0]?.verb).toBe('unknown');
    expect(await again(done.id, 0)).toBe('positive');
    const after = await changesOf(done.id);
    expect(after).toHaveLength(2);
    expect(after[0]).toMatchObject({ verb: 'changed', versionBefore: version });
    expect(after[0]?.fields).toContainEqual({ path: '/data/a', from: '1', to: '2' });
  });

  it('fills in what earlier steps gave, and says where a value is missing', async () => {
    const deployment = {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'w' } },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'w' } },
        template: {
          metadata: { labels: { app: 'w' } },
          spec: { containers: [{ name: 'main', image: 'example.com/w:1' }] },
        },
      },
    };
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'w' };
    const scale = { kind: 'scale', title: 'Scale', id: 'scale', ref, replicas: 2 } as Step;
    const fill = (member: string) =>
      ({ ...variables({ merge: { replicas: { $from: `steps.scale.${member}` } } }) }) as Step;
    const done = await work(apply(deployment), scale, fill('from'));
    expect([done.verdict, done.error]).toEqual(['positive', undefined]);
    const kamafile = parseKamafile(((await get('kamafile'))?.['data'] ?? {}) as Record<string, string>);
    expect(kamafile.get('app')?.levels.user_vars).toMatchObject({ replicas: 1 });
    const missing = await work(scale, fill('from.deeper'));
    expect(missing.error).toMatchObject({
      code: 'step_failed',
      reason: 'merge.replicas: steps.scale.from.deeper has no value.',
    });
  });

  it('runs another action as a run of its own, which has the install while its parent waits', async () => {
    const parent = await lab.queue({
      steps: [action('child', [apply(configMap('by-child'))]), apply(configMap('after-child'))],
    });
    const other = await lab.queue({ steps: [apply(configMap('by-other'))] });
    expect(await advance(parent)).toBe('waits');
    const waiting = await lab.read(parent);
    const childId = String((await asSystem((tx) => tx.run.findFirstOrThrow({ where: { parentId: parent } }))).id);
    expect(waiting).toMatchObject({ status: 'waiting', waiting: { for: 'the action "child"' } });
    expect(await advance(other)).toBe('busy');
    expect(await advance(childId)).toBe('positive');
    expect(await advance(other)).toBe('behind');
    expect(await advance(parent)).toBe('positive');
    expect(await advance(other)).toBe('positive');
    const done = await lab.read(parent);
    expect(done.steps[0]?.output).toEqual({ run: childId });
    expect(done.progress.sub_items[0]?.sub_items).toMatchObject([{ title: 'Apply', status: 'positive' }]);
    expect(await lab.read(childId)).toMatchObject({ action: 'child', parent: { run: parent, step: 0 } });
    expect([await get('by-child'), await get('after-child')].map((object) => object !== undefined)).toEqual([
      true,
      true,
    ]);
  });

  it('fails with the action that it runs, runs it anew where it may retry, and undoes', async () => {
    const undo = [{ kind: 'delete', title: 'Drop', refs: [mapRef('undone')], timeoutSeconds: 20 }];
    const steps = [
      { ...apply(configMap('undone')), undo } as Step,
      action('broken', [fail], { retry: { times: 1, pauseSeconds: 1 } }),
    ];
    const parent = await lab.queue({ steps });
    for (const children of [1, 2]) {
      expect(await advance(parent)).toBe('waits');
      const all = await asSystem((tx) => tx.run.findMany({ where: { parentId: parent }, orderBy: { id: 'asc' } }));
      expect(all).toHaveLength(children);
      expect(await advance(all.at(-1)?.id ?? '')).toBe('negative');
    }
    expect(await advance(parent)).toBe('negative');
    expect((await lab.read(parent)).error).toMatchObject({ code: 'step_failed', object: 'ConfigMap nobody' });
    expect(await get('undone')).toBeUndefined();
  });

  it('reaches the action that it runs with a cancel, at any depth, and only then undoes', async () => {
    const undo = [{ kind: 'delete', title: 'Drop', refs: [mapRef('outer')], timeoutSeconds: 20 }];
    const wait = { kind: 'await', title: 'Wait', refs: [mapRef('nobody')], timeoutSeconds: 90 } as Step;
    const parent = await lab.queue({
      steps: [{ ...apply(configMap('outer')), undo } as Step, action('middle', [action('inner', [wait])])],
    });
    expect(await advance(parent)).toBe('waits');
    const childOf = async (runId: string) =>
      (await asSystem((tx) => tx.run.findFirstOrThrow({ where: { parentId: runId } }))).id;
    const middle = await childOf(parent);
    expect(await advance(middle)).toBe('waits');
    const inner = await childOf(middle);
    const working = advance(inner);
    await expect.poll(async () => (await lab.read(inner)).steps[0]?.status, { timeout: 20_000 }).toBe('running');
    const beganMs = clock.monotonicMs();
    await cancelRun(lab.database.db, lab.scope, parent);
    expect(await working).toBe('cancelled');
    expect(clock.monotonicMs() - beganMs).toBeLessThan(20_000);
    expect(await get('outer')).toBeDefined();
    expect(await advance(middle)).toBe('cancelled');
    expect(await advance(parent)).toBe('cancelled');
    expect(await get('outer')).toBeUndefined();
    for (const runId of [parent, middle, inner]) expect((await lab.read(runId)).status).toBe('cancelled');
  });

  it('lets the parent go on when its child was cancelled before it could begin', async () => {
    const parent = await lab.queue({ steps: [action('gone', [apply(configMap('never'))])] });
    expect(await advance(parent)).toBe('waits');
    const child = await asSystem((tx) => tx.run.findFirstOrThrow({ where: { parentId: parent } }));
    await cancelRun(lab.database.db, lab.scope, child.id);
    expect(await advance(parent)).toBe('negative');
    expect((await lab.read(parent)).error?.reason).toContain('ended cancelled');
    expect(await get('never')).toBeUndefined();
  });

  it('run-pod makes its pod once, notes how it ended before it takes the pod away, and is in doubt when it is gone', async () => {
    const step = {
      ...{ kind: 'run-pod', title: 'Migrate', image: 'example.com/tool:1', command: ['true'] },
      ...{ expectExit: [0], timeoutSeconds: 60 },
    } as Step;
    const done = await work(step);
    expect([done.verdict, done.error]).toEqual(['positive', undefined]);
    expect(done.steps[0]?.output).toMatchObject({ exitCode: 0 });
    const jobs = async () => {
      const all = await lab.admin.list({ apiVersion: 'batch/v1', kind: 'Job', namespace: lab.namespace });
      return all.items.filter(({ metadata }: KubeObject) => metadata?.deletionTimestamp === undefined);
    };
    await expect.poll(async () => (await jobs()).length, { timeout: 20_000 }).toBe(0);
    expect((await changesOf(done.id)).map(({ verb }) => verb)).toEqual(['created', 'deleted']);
    // Its worker died once the end was known, or before it could be.
    expect(await again(done.id, 0, { ended: { exitCode: 0, pod: 'p', output: '' }, uid: 'u', failed: 0 })).toBe(
      'positive',
    );
    expect(await again(done.id, 0, { begun: true })).toBe('waits');
    expect((await lab.read(done.id)).steps[0]).toMatchObject({ status: 'unknown', error: { code: 'step_unknown' } });
    expect(await jobs()).toHaveLength(0);
    await asSystem((tx) => tx.run.update({ where: { id: done.id }, data: { status: 'cancelled' } }));
  });
});
