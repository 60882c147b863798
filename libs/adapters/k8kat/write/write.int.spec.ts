import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeKubeApi, type Intercept, type Stored, statusOf } from '../../../testing/fake-kube-api.js';
import { type Kat, kat } from '../kat.js';
import type { KubeSession } from '../session/kube-session.js';
import { conflictsOf } from './conflicts.js';

const pod = (name: string, labels: Record<string, string> = { app: 'web' }, namespace = 'n'): Stored => ({
  metadata: { name, namespace, labels },
  status: { phase: 'Running' },
});

describe('what changes objects', () => {
  let api: FakeKubeApi;
  let session: KubeSession;
  let k8: Kat;
  beforeAll(async () => {
    api = await FakeKubeApi.open();
    session = api.session();
    k8 = kat(session, { fieldManager: 'tester' });
  });
  beforeEach(() => {
    api.reset();
    api.clear();
  });
  afterAll(async () => {
    await session.close();
    api.close();
  });
  const one = (name = 'a') => k8.pods().ns('n').findOrFail(name);
  const sent = (method: string) => api.seen.filter((request) => request.method === method);

  it('sends the difference alone, bound to the version that was read, and nothing for no difference', async () => {
    api.put('pods', { ...pod('a'), spec: { containers: [{ name: 'c', image: 'i:1' }], nodeName: 'x' } });
    const it = await one();
    await it.patch((draft) => {
      draft.metadata = { ...draft.metadata, labels: { app: 'other' } };
      delete draft.spec?.nodeName;
    });
    expect(JSON.parse(sent('PATCH')[0]?.body ?? '')).toEqual({
      metadata: { labels: { app: 'other' }, resourceVersion: expect.any(String) },
      spec: { nodeName: null },
    });
    expect(sent('PATCH')[0]?.query.get('fieldManager')).toBe('tester');
    expect(it.labels).toEqual({ app: 'other' });
    await it.patch(() => undefined);
    expect(sent('PATCH')).toHaveLength(1);
  });

  it('makes the change again on the newer version after each conflict, and loses no other’s write', async () => {
    api.put('pods', pod('a', { n: '0' }));
    const it = await one();
    let rivals = 3;
    api.intercept = ({ method }) => {
      if (method === 'PATCH' && rivals-- > 0)
        api.put('pods', {
          ...pod('a', { n: `${30 - rivals}`, [`rival-${rivals}`]: 'x' }),
          spec: { nodeName: `node-${rivals}` },
        });
      return false;
    };
    await it.patch((draft) => {
      const labels = draft.metadata?.labels ?? {};
      draft.metadata = {
        ...draft.metadata,
        labels: { ...labels, n: `${Number(labels['n']) + 1}`, at: draft.spec?.nodeName ?? 'nowhere' },
      };
    });
    const from = { n: '31', 'rival-0': 'x', at: 'node-0' };
    expect(it.labels, 'goes on from what the last rival wrote').toEqual(from);
    expect(sent('PATCH')).toHaveLength(4);
  });

  it('gives up when conflicts do not end', async () => {
    api.put('pods', pod('a'));
    const it = await one();
    api.intercept = ({ method }, response) => {
      if (method === 'PATCH') api.json(response, 409, statusOf(409, 'Conflict'));
      return method === 'PATCH';
    };
    await expect(
      it.patch((draft) => {
        draft.kind = 'x';
      }),
    ).rejects.toMatchObject({ extra: { status: 409 } });
    expect(sent('PATCH')).toHaveLength(6);
  });

  it('says who owns the fields that an apply may not set', async () => {
    api.put('pods', pod('a'));
    const it = await one();
    api.intercept = ({ method }, response) => {
      if (method !== 'PATCH') return false;
      const cause = {
        reason: 'FieldManagerConflict',
        message: 'conflict with "helm" using v1',
        field: '.metadata.labels.app',
      };
      api.json(response, 409, { ...statusOf(409, 'Conflict'), details: { causes: [cause] } });
      return true;
    };
    const error: unknown = await it.apply({ metadata: { labels: { app: 'x' } } }).catch((refusal: unknown) => refusal);
    expect(conflictsOf(error)).toEqual([{ field: '.metadata.labels.app', manager: 'helm' }]);
    expect(sent('PATCH')[0]?.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(sent('PATCH')[0]?.query.get('force')).toBe('false');
  });

  it('deletes once, waits until it is gone, and leaves a namesake alone', async () => {
    api.put('pods', pod('a'));
    const it = await one();
    await it.delete({ wait: { timeoutMs: 15_000 } });
    await it.delete();
    expect(JSON.parse(sent('DELETE')[0]?.body ?? '')).toMatchObject({ preconditions: { uid: it.uid } });
  });

  it('deletes what a query gives and nothing else: no namesake of another namespace', async () => {
    for (let i = 0; i < 12; i++) api.put('pods', pod(`p${i}`, { app: i % 2 ? 'web' : 'db' }));
    api.put('pods', pod('p1', { app: 'web' }, 'other'));
    const { done, failed } = await k8.pods().ns('n').lbsIncEach({ app: 'web' }).like('p1').deleteAll();
    expect([done.map((it) => it.name).sort(), failed]).toEqual([['p1', 'p11'], []]);
    expect(await k8.pods().pluck('name')).toHaveLength(11);
  });

  it('deletes many with one request where the server decides alone', async () => {
    for (let i = 0; i < 20; i++) api.put('pods', pod(`p${i}`));
    api.put('pods', pod('kept', { app: 'db' }));
    expect((await k8.pods().ns('n').lbsIncEach({ app: 'web' }).deleteAll()).done).toHaveLength(20);
    expect(sent('DELETE')).toHaveLength(1);
    expect(await k8.pods().pluck('name')).toEqual(['kept']);
  });

  it('does not delete a whole cluster by mistake', async () => {
    api.put('pods', pod('a'));
    await expect(k8.pods().deleteAll()).rejects.toMatchObject({ code: 'invalid_query' });
    await k8.pods().names().deleteAll();
    expect(await k8.pods().count()).toBe(1);
  });

  it('labels all, several at a time, and tells which failed', async () => {
    for (const name of ['a', 'b', 'c']) api.put('pods', pod(name));
    api.intercept = ({ method, path }, response) => {
      if (method !== 'PATCH' || !path.endsWith('/b')) return false;
      api.json(response, 422, statusOf(422, 'Invalid'));
      return true;
    };
    const { done, failed } = await k8.pods().labelAll({ seen: 'yes' });
    expect([done.map((it) => it.name).sort(), failed.map(({ resource }) => resource.name)]).toEqual([
      ['a', 'c'],
      ['b'],
    ]);
    expect(await k8.pods().lbsIncEach({ seen: 'yes' }).count()).toBe(2);
  });

  it('speaks as somebody else over the same connections', async () => {
    api.put('pods', pod('a'));
    await k8.pods();
    const before = api.connections;
    await k8.as('jane', ['dev', 'ops'], { uid: 'u-1', extra: { 'example.com/Scope': ['a', 'b'] } }).pods();
    const { headers } = api.seen.at(-1) ?? { headers: {} };
    expect(headers).toMatchObject({
      'impersonate-user': 'jane',
      'impersonate-uid': 'u-1',
      'impersonate-group': 'dev, ops',
      'impersonate-extra-example.com%2fscope': 'a, b',
    });
    expect(api.connections).toBe(before);
    await k8.pods();
    expect(api.seen.at(-1)?.headers).not.toHaveProperty('impersonate-user');
  });

  it('adds up what is used, asked for and allowed, and never takes "not measured" for 0', async () => {
    const container = {
      name: 'c',
      resources: { requests: { cpu: '250m', memory: '50M' }, limits: { cpu: '0.5', memory: '100M' } },
    };
    for (const name of ['a', 'b']) api.put('pods', { ...pod(name), spec: { containers: [container], nodeName: 'x' } });
    api.put('nodes', { metadata: { name: 'x' } });
    const metrics =
      (items: object[]): Intercept =>
      ({ path }, response) => {
        if (!path.includes('metrics.k8s.io')) return false;
        api.json(response, 200, { items });
        return true;
      };
    const usage = (cpu: string, memory: string) => ({ usage: { cpu, memory } });
    const ofPod = metrics([
      { metadata: { name: 'a', namespace: 'n' }, containers: [usage('700000000n', '1Mi'), usage('300m', '1Mi')] },
      { metadata: { name: 'b', namespace: 'n' }, containers: null },
    ]);
    api.intercept = ofPod;
    expect(await k8.load(k8.pods().ns('n'))).toEqual({
      cpuUsed: 1,
      memUsed: 2 ** 21,
      cpuRequest: 0.5,
      cpuLimit: 1,
      memRequest: 1e8,
      memLimit: 2e8,
    });
    const rows = await k8.topPods();
    expect(rows.map(({ pod: it, cpuUsed }) => [it.name, cpuUsed])).toEqual([
      ['a', 1],
      ['b', null],
    ]);
    api.reset();
    const ofNode = metrics([{ metadata: { name: 'x' }, ...usage('2', '4Gi') }]);
    api.intercept = ofNode;
    expect(await k8.topNodes()).toMatchObject([{ cpuUsed: 2, memUsed: 2 ** 32, cpuRequest: 0.5, memLimit: 2e8 }]);
    api.intercept = undefined;
    expect(await k8.load(k8.pods())).toMatchObject({ cpuUsed: null, memUsed: null, cpuRequest: 0.5 });
  });
});
