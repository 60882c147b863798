import { KubeSession } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { systemClock } from '@nm/kernel/time';
import { Agent } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adminTarget } from '../../../testing/admin-target.js';
import { describeWith } from '../../../testing/needs.js';
import { labPolicy } from '../../../testing/run-lab.js';
import { applyKind } from './apply.js';
import { type ClusterSession, type StepContext, stepSession } from './step-context.js';

const noChanges = { begin: async () => undefined, end: async () => undefined, drop: async () => undefined };
const noChildren = {
  queue: () => Promise.reject(new Error('no children here')),
  read: () => Promise.reject(new Error('no children here')),
};

describeWith(['kubernetes'], 'the apply step', () => {
  let admin: KubeSession;
  const namespace = `apply-${newId('request').slice(-10)}`;
  const run = newId('run');
  beforeAll(async () => {
    admin = new KubeSession(await adminTarget(), { policy: labPolicy() });
    const manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await admin.apply(manifest, { fieldManager: 'test' });
  });
  afterAll(async () => {
    await admin.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    await admin.close();
  });

  const configMap = (name: string, data: Record<string, string>) => ({
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
    data,
  });
  const get = (name: string) => admin.get({ apiVersion: 'v1', kind: 'ConfigMap', name }, namespace);
  /** Applies as the worker with this claim. */
  const applyAs = (fence: number, name: string, data: Record<string, string>, more: Partial<StepContext> = {}) =>
    applyKind.execute(
      { kind: 'apply', title: 'Apply', manifests: [configMap(name, data)] },
      {
        ...{
          session: stepSession(async () => admin),
          run: { id: run, fence },
          position: 0,
          namespace,
          clock: systemClock,
        },
        ...{ signal: new AbortController().signal, egress: new Agent(), noted: null },
        ...{ dry: false, changes: noChanges, children: noChildren, undone: async () => [] },
        guard: () => undefined,
        log: async () => undefined,
        note: async () => undefined,
        ...more,
      },
    );
  /** A session in which something happens right after each look, a few times. */
  const meddled = (times: number, happens: () => Promise<unknown>) => {
    let left = times;
    return stepSession(
      async () =>
        ({
          resourceFor: admin.resourceFor.bind(admin),
          apply: admin.apply.bind(admin),
          request: admin.request.bind(admin),
          get: async (...args: Parameters<KubeSession['get']>) => {
            const found = await admin.get(...args);
            if (left-- > 0) await happens();
            return found;
          },
        }) as unknown as ClusterSession,
    );
  };

  it('does not write over what a newer claim of the same run wrote', async () => {
    await applyAs(2, 'newer', { by: 'two' });
    const before = await get('newer');
    await expect(applyAs(1, 'newer', { by: 'one' })).rejects.toMatchObject({ code: 'run_lost' });
    expect(await get('newer')).toEqual(before);
  });

  it('does not write over it either when that happens between its look and its write', async () => {
    await applyAs(1, 'race', { by: 'one' });
    const session = meddled(1, () => applyAs(2, 'race', { by: 'two' }));
    await expect(applyAs(1, 'race', { by: 'late' }, { session })).rejects.toMatchObject({ code: 'run_lost' });
    expect((await get('race'))?.['data']).toEqual({ by: 'two' });
  });

  it('looks again when somebody else changed the object meanwhile, and keeps what they set', async () => {
    await applyAs(1, 'shared', { a: '1' });
    let turn = 0;
    const other = () =>
      admin.apply(configMap('shared', { other: `${turn++}` }), { namespace, fieldManager: 'somebody' });
    const { objects } = (await applyAs(1, 'shared', { a: '2' }, { session: meddled(3, other) })) as {
      objects: { operation: string }[];
    };
    expect(objects[0]?.operation).toBe('configured');
    expect((await get('shared'))?.['data']).toEqual({ a: '2', other: '2' });
  });

  it('writes nothing once the guard refuses', async () => {
    const guard = () => {
      throw new Fault('run_lost');
    };
    await expect(applyAs(1, 'guarded', { a: '1' }, { guard })).rejects.toMatchObject({ code: 'run_lost' });
    expect(await get('guarded')).toBeUndefined();
  });

  it('takes over what another manager had set to something else', async () => {
    await admin.apply(configMap('taken', { a: 'theirs' }), { namespace, fieldManager: 'somebody' });
    await applyAs(1, 'taken', { a: 'ours' });
    expect((await get('taken'))?.['data']).toEqual({ a: 'ours' });
  });

  it('owns what it created: a later apply without a field removes it, also when the worker died right after creating', async () => {
    await applyAs(1, 'owned', { a: '1', b: '2' });
    await applyAs(1, 'owned', { a: '1' });
    expect((await get('owned'))?.['data']).toEqual({ a: '1' });
    expect((await get('owned'))?.metadata?.managedFields?.map(({ operation }) => operation)).toEqual(['Apply']);

    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    await admin.request('POST', path, {
      query: { fieldManager: 'nmachine' },
      body: configMap('half', { a: '1', b: '2' }),
    });
    await applyAs(1, 'half', { a: '1' });
    expect((await get('half'))?.['data']).toEqual({ a: '1' });
  });

  it('creates nothing over what somebody else has created since it looked', async () => {
    const session = meddled(1, () =>
      admin.apply(configMap('raced', { theirs: 'yes' }), { namespace, fieldManager: 'them' }),
    );
    await applyAs(1, 'raced', { ours: 'yes' }, { session });
    expect((await get('raced'))?.['data']).toEqual({ theirs: 'yes', ours: 'yes' });
  });
});
