import type { KubeObject } from '@nm/adapters/k8kat';
import { type ClusterSession, type RunEngine, workThrough } from '@nm/features/actions';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { systemClock } from '@nm/kernel/time';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { testVault } from '../../../libs/testing/test-vault.js';
import { makeOwnRows, type OwnRows } from './own-rows.js';
import { Client, makePublisher, type Publisher } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

/** An API server's objects by name, with versions as preconditions; `refuses` names those that it does not take. */
function objects() {
  const kept = new Map<string, KubeObject>();
  const refuses = new Set<string>();
  let version = 0;
  const write = (object: KubeObject): KubeObject => {
    const name = object.metadata?.name ?? '';
    const before = kept.get(name)?.metadata;
    if (refuses.has(name)) throw new Fault('kube_api', { extra: { status: 422, reason: 'Invalid' } });
    if (object.metadata?.resourceVersion !== before?.resourceVersion)
      throw new Fault('kube_api', { extra: { status: 409, reason: 'Conflict' } });
    const uid = before?.uid ?? `uid-${name}`;
    const metadata = { ...object.metadata, uid, resourceVersion: String(++version) };
    kept.set(name, { ...structuredClone(object), metadata } as KubeObject);
    return structuredClone(kept.get(name) as KubeObject);
  };
  const session = {
    resourceFor: async () => ({ apiVersion: 'v1', kind: 'ConfigMap', resource: 'configmaps', namespaced: true }),
    can: async () => ({ allowed: true, reason: undefined }),
    get: async ({ name }: { name: string }) => structuredClone(kept.get(name)),
    apply: async (object: KubeObject) => write(object),
    // A PATCH only turns managedFields over, of which there are none here.
    request: async (method: string, path: string, { body }: { body: KubeObject }) =>
      method === 'POST' ? write(body) : structuredClone(kept.get(path.split('/').at(-1) ?? '')),
  } as unknown as ClusterSession;
  return { session, refuses, dataOf: (name: string) => kept.get(name)?.['data'] };
}

describe('the life of runs through the API', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let acme: Publisher;
  let licensee: Client;
  let rows: OwnRows;
  let engine: RunEngine & { readonly tenantRunsMax: number };
  const cluster = objects();
  const egress = new Agent();
  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database });
    acme = await makePublisher(new Client(api.url), 'acme');
    licensee = acme.client.as(acme.licence.key);
    rows = await makeOwnRows(database, acme.licence.id);
    const session = async () => cluster.session;
    engine = {
      ...{ db: database.db, clock: systemClock, vault: testVault, egress, worker: 'test', leaseMs: 60_000 },
      tenantRunsMax: 10,
      sessions: { forCluster: session, forInstall: session },
      cancellations: { watch: () => () => undefined },
      onFault: () => undefined,
    };
  });
  afterAll(async () => {
    await egress.destroy();
    await api.close();
    await database.close();
  });

  const apply = (name: string, data: Record<string, string>) => ({
    ...{ kind: 'apply', title: `Apply ${name}` },
    manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }],
  });
  const start = async (...steps: object[]): Promise<string> =>
    (await licensee.post('/v1/runs', { action: 'install', title: 'Install', plan: { steps } }).expect(201)).body.id;
  /** A worker takes whatever may be taken. */
  const work = () => {
    const stop = new AbortController().signal;
    return workThrough(engine, newId('run'), { stop, takesMore: () => true, around: (each) => each() });
  };
  const read = async (id: string) => (await licensee.get(`/v1/runs/${id}`).expect(200)).body;
  const changesOf = async (id: string) => (await licensee.get(`/v1/runs/${id}/changes`).expect(200)).body.data;

  it('tells which objects a run has changed, from what to what', async () => {
    const first = await start(apply('settings', { tier: '1' }));
    await work();
    const second = await start(
      apply('settings', { tier: '2', name: 'x' }),
      apply('settings', { tier: '2', name: 'x' }),
    );
    await work();
    const object = { apiVersion: 'v1', kind: 'ConfigMap', name: 'settings' };
    expect(await changesOf(first)).toMatchObject([{ step: 0, verb: 'created', object }]);
    // What changed nothing is no change.
    const [change, ...others] = await changesOf(second);
    expect(others).toEqual([]);
    expect(change).toMatchObject({ step: 0, verb: 'changed', object });
    const fields: { path: string }[] = change.fields.filter(({ path }: { path: string }) => path.startsWith('/data'));
    expect(fields.toSorted((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: '/data/name', to: 'x' },
      { path: '/data/tier', from: '1', to: '2' },
    ]);
    expect(await read(second)).toMatchObject({
      status: 'positive',
      percent: 100,
      changes: { count: 1, first: [{ step: 0, verb: 'changed', object }] },
    });
  });

  it('goes on from the failed step, or begins anew, with the same inputs', async () => {
    cluster.refuses.add('second');
    const failed = await start(apply('first', { a: '1' }), apply('second', { b: '2' }), apply('third', { c: '3' }));
    await work();
    const before = await read(failed);
    expect(before).toMatchObject({ status: 'negative', percent: 66 });
    expect(before.steps.map(({ status }: { status: string }) => status)).toEqual(['positive', 'negative', 'idle']);
    cluster.refuses.clear();
    const { body: on } = await licensee.post(`/v1/runs/${failed}/retry`, { from: 'failed' }).expect(201);
    // Asked again, it is the same run.
    expect((await licensee.post(`/v1/runs/${failed}/retry`, { from: 'failed' }).expect(201)).body.id).toBe(on.id);
    await work();
    expect(await read(on.id)).toMatchObject({
      status: 'positive',
      retryOf: failed,
      action: 'install',
      title: 'Install',
    });
    expect((await changesOf(on.id)).map(({ object }: { object: { name: string } }) => object.name)).toEqual([
      'second',
      'third',
    ]);
    expect(cluster.dataOf('third')).toEqual({ c: '3' });
    const { body: anew } = await licensee.post(`/v1/runs/${failed}/retry`, { from: 'start' }).expect(201);
    await work();
    const again = await read(anew.id);
    expect(again).toMatchObject({ status: 'positive', retryOf: failed });
    expect(again.steps.map(({ attempts }: { attempts: number }) => attempts)).toEqual([1, 1, 1]);
    expect((await read(failed)).status).toBe('negative');
  });

  it('lets the owner of a cluster pause all runs there: none begins, what has begun goes on', async () => {
    const begun = await start({ kind: 'approval', title: 'Ask', message: 'Go on?' }, apply('begun', { a: '1' }));
    await work();
    expect((await read(begun)).status).toBe('waiting');
    await licensee.put(`/v1/clusters/${rows.cluster}/runs`, { paused: true }).expect(200);
    const looking = (
      await licensee
        .post('/v1/runs', {
          ...{ action: 'look', title: 'Look' },
          plan: { steps: [{ kind: 'wait', title: 'Wait', seconds: 0 }] },
        })
        .expect(201)
    ).body.id;
    await work();
    expect(await read(looking)).toMatchObject({ status: 'queued', queue: { clusterPaused: true } });
    const stranger = (await makePublisher(new Client(api.url), 'rival')).licence.key;
    await acme.client.as(stranger).put(`/v1/clusters/${rows.cluster}/runs`, { paused: false }).expect(404);
    await licensee.post(`/v1/runs/${begun}/approval`, { step: 0, decision: 'approved' }).expect(200);
    await work();
    expect((await read(begun)).status).toBe('positive');
    expect((await read(looking)).status).toBe('queued');
    await licensee.put(`/v1/clusters/${rows.cluster}/runs`, { paused: false }).expect(200);
    await work();
    expect((await read(looking)).status).toBe('positive');
  });
});
