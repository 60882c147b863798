import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeKubeApi, statusOf } from '../../../testing/fake-kube-api.js';
import { type Kat, kat } from '../kat.js';
import type { KubeSession } from '../session/kube-session.js';

const pods = 10_000;
const podBytes = 600;

describe('a query on ten thousand pods', () => {
  let api: FakeKubeApi;
  let session: KubeSession;
  let k8: Kat;
  beforeAll(async () => {
    api = await FakeKubeApi.open();
    for (let i = 0; i < pods; i++)
      api.put('pods', {
        metadata: {
          name: `pod-${String(i).padStart(5, '0')}`,
          namespace: `ns-${i % 20}`,
          labels: { app: 'web', half: `${i % 2}` },
        },
        spec: { nodeName: `node-${i % 50}`, filler: 'x'.repeat(podBytes - 300) },
        status: { phase: i % 100 === 7 ? 'Failed' : 'Running' },
      });
    session = api.session();
    k8 = kat(session);
  });
  beforeEach(() => api.reset());
  afterAll(async () => {
    await session.close();
    api.close();
  });
  const lists = () => api.seen.filter(({ path }) => path.endsWith('/pods'));

  it('reads one object for the first one, when the server decides', async () => {
    const first = await k8.pods().lbsIncEach({ app: 'web' }).first();
    expect(first?.name).toBe('pod-00000');
    expect(lists()).toHaveLength(1);
    expect(lists()[0]?.query.get('limit')).toBe('1');
    expect(api.bytesSent).toBeLessThan(2 * podBytes);
  });

  it('reads one page for the first one, when a function decides', async () => {
    const first = await k8
      .pods()
      .where((pod) => pod.name.endsWith('80'))
      .first();
    expect(first?.name).toBe('pod-00080');
    expect(lists()).toHaveLength(1);
    expect(api.bytesSent).toBeLessThan(600 * podBytes);
  });

  it('stops reading when the loop stops', async () => {
    let seen = 0;
    for await (const _ of k8.pods()) if (++seen === 700) break;
    // The third page may be under way: the server has read of it what it will, once it has answered another connection.
    await k8.nodes().all();
    expect(lists().length).toBeLessThanOrEqual(3);
  });

  it('reads everything once, in pages', async () => {
    const found = await k8.pods();
    expect(found).toHaveLength(pods);
    expect(new Set(found.map((pod) => pod.uid)).size).toBe(pods);
    expect(lists()).toHaveLength(20);
  });

  it('lists several namespaces side by side, over few connections', async () => {
    const before = api.connections;
    const found = await k8.pods().ns('ns-1', 'ns-2', 'ns-3');
    expect(found).toHaveLength(1500);
    expect(api.requests).toEqual([1, 2, 3].map((i) => `GET /api/v1/namespaces/ns-${i}/pods`));
    expect(api.connections - before).toBeLessThanOrEqual(3);
  });

  it('counts, plucks names and asks whether there are any by metadata alone', async () => {
    expect(await k8.pods().lbsIncEach({ half: '1' }).count()).toBe(5000);
    expect(await k8.pods().ns('ns-1').like('pod-0000').pluck('name')).toEqual(['pod-00001']);
    expect(await k8.pods().lacksLabel('app').exists()).toBe(false);
    expect(lists().every(({ headers }) => headers.accept?.includes('PartialObjectMetadataList'))).toBe(true);
  });

  it('reads whole objects when the state is judged', async () => {
    expect(await k8.pods().featureIs('phase', 'Failed').count()).toBe(100);
    expect(lists().some(({ headers }) => headers.accept?.includes('Partial'))).toBe(false);
  });

  it('estimates the count from one object', async () => {
    expect(await k8.pods().count({ approx: true })).toBe(pods);
    expect(lists()).toHaveLength(1);
  });

  const place = 'pods ns-0 pod-09980';
  it.each([
    ['the place that the server names', { metadata: { continue: place } }, { place, limit: '500' }],
    ['the beginning, in one piece, giving nothing twice', {}, { place: null, limit: null }],
  ])('goes on from %s when its snapshot expires', async (_, more, next) => {
    let expired = false;
    api.intercept = ({ query }, response) => {
      if (expired || !query.get('continue')) return false;
      expired = true;
      api.json(response, 410, { ...statusOf(410, 'Expired'), ...more });
      return true;
    };
    const found = await k8.pods();
    expect(expired).toBe(true);
    const { query } = lists()[2]!;
    expect({ place: query.get('continue'), limit: query.get('limit') }).toEqual(next);
    expect(new Set(found.map((pod) => pod.uid)).size).toBe(found.length);
    expect(found).toHaveLength(pods);
  });

  it('asks a namespace at a time when it may not list the whole cluster', async () => {
    api.intercept = ({ path }, response) => {
      if (path !== '/api/v1/pods') return false;
      api.json(response, 403, statusOf(403, 'Forbidden'));
      return true;
    };
    const names = Array.from({ length: 10 }, (_, i) => `ns-${i}`);
    expect(await k8.pods().ns(...names)).toHaveLength(5000);
    expect(lists()).toHaveLength(11);
    await expect(k8.pods()).rejects.toMatchObject({ code: 'cluster_forbidden' });
  });

  it('judges a field itself that the server refuses, and does not ask for it again', async () => {
    const query = k8.pods().ns('ns-1').fields({ 'spec.schedulerName': '' });
    expect(await query).toHaveLength(500);
    expect(await query).toHaveLength(500);
    expect(api.seen.map(({ query: asked }) => asked.get('fieldSelector'))).toEqual(['spec.schedulerName=', null, null]);
    expect(query.plan().local).toEqual(['spec.schedulerName=']);
  });

  it('asks nothing when nothing can match', async () => {
    expect(await k8.pods().ns()).toEqual([]);
    expect(await k8.pods().lbsIncEach({ app: 'a' }).lbsIncEach({ app: 'b' }).exists()).toBe(false);
    expect(api.seen).toEqual([]);
  });

  it('gives null for an absent name, and an error for a refusal', async () => {
    expect(await k8.pods().ns('ns-1').find('none')).toBeNull();
    await expect(k8.pods().ns('ns-1').findOrFail('none')).rejects.toMatchObject({ extra: { status: 404 } });
    await expect(k8.pods().ns('ns-1').find('none').reload()).rejects.toMatchObject({ extra: { status: 404 } });
    api.intercept = (_, response) => {
      api.json(response, 500, statusOf(500, 'InternalError'));
      return true;
    };
    await expect(k8.pods().ns('ns-1').find('pod-00001')).rejects.toMatchObject({ extra: { status: 500 } });
  });

  it('ends at once when its signal aborts or its time is over', async () => {
    api.intercept = () => true;
    const stop = new AbortController();
    const reading = k8.pods().signal(stop.signal).all();
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(reading).rejects.toThrow('enough');
    await expect(k8.pods().timeout(50).all()).rejects.toThrow();
  });

  it('keeps order and limit together', async () => {
    const names = await k8.pods().ns('ns-3').orderBy('name', 'desc').limit(2).pluck('name');
    expect(names).toEqual(['pod-09983', 'pod-09963']);
    expect(await k8.pods().ns('ns-3').limit(2).pluck('name')).toEqual(['pod-00003', 'pod-00023']);
    expect(await k8.pods().limit(0)).toEqual([]);
  });

  it('writes a line for each', async () => {
    expect(await k8.pods().ns('ns-7').featureIs('phase', 'Failed').limit(1).prettyPluck('ns', 'phase')).toEqual([
      '<pod-00007: ns-7 | Failed>',
    ]);
  });
});
