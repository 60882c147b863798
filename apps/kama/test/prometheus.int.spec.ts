import { EgressPolicy } from '@nm/adapters/egress';
import type { KubeSession } from '@nm/adapters/k8kat';
import { loadBundle, openSession } from '@nm/kama-sdk';
import { systemClock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FakeKubeApi } from '../../../libs/testing/fake-kube-api.js';
import { describeWith } from '../../../libs/testing/needs.js';
import { startPrometheus, type TestPrometheus } from '../../../libs/testing/prometheus.js';
import { clusterReader } from '../src/installs/read-cluster.js';
import { httpReader } from '../src/server/read-http.js';

const proxied = '/api/v1/namespaces/shop/services/prometheus%3A9090/proxy';

const named = (kind: string, name: string, spec: object) => ({
  ...{ apiVersion: 'v1', kind, metadata: { name, namespace: 'shop', labels: { app: name } }, spec },
});

const kindOf = (kind: string, name: string) => ({ name, kind, namespaced: true, verbs: ['get', 'list'] });
const discovery: Readonly<Record<string, object>> = {
  '/api': { versions: ['v1'] },
  '/apis': { groups: [] },
  '/api/v1': { kind: 'APIResourceList', resources: [kindOf('Service', 'services'), kindOf('Pod', 'pods')] },
};

/** An API server that has a Service of Prometheus and its pod, and leads to it through its proxy. */
async function openCluster(prometheus: string): Promise<FakeKubeApi> {
  const api = await FakeKubeApi.open();
  api.put('services', named('Service', 'prometheus', { selector: { app: 'prometheus' }, ports: [{ port: 9090 }] }));
  api.put('pods', named('Pod', 'prometheus', { containers: [{ name: 'main' }] }));
  api.intercept = ({ path, query }, response) => {
    const kinds = discovery[path];
    if (kinds) api.json(response, 200, kinds);
    if (!path.startsWith(proxied)) return kinds !== undefined;
    void fetch(`${prometheus}${path.slice(proxied.length)}?${query}`).then(async (answer) => {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    });
    return true;
  };
  return api;
}

describeWith(['prometheus'], 'figures of Prometheus', () => {
  let prometheus: TestPrometheus;
  let api: FakeKubeApi;
  const policy = new EgressPolicy({ allow: ['127.0.0.0/8'] });
  const http = httpReader(policy);
  let url: string;
  let cluster: KubeSession;

  beforeAll(async () => {
    prometheus = await startPrometheus(['web', 'db']);
    url = prometheus.url;
    api = await openCluster(url);
    cluster = api.session();
  }, 120_000);
  afterAll(async () => {
    await cluster?.close();
    await http.close();
    api?.close();
    await prometheus?.stop();
  });

  const read = (attributes: object, serialiser = {}, kind = 'PromDataSupplier') => {
    const models = [
      { kind, id: 'data', ...attributes },
      { kind: 'Supplier', id: 'plain', source: 'get::id::data' },
      { kind: 'Supplier', id: 'groups', source: 'get::id::vectors' },
      { kind: 'Supplier', id: 'series', source: 'get::id::matrix' },
      { kind: 'PromVectorsToGroupsSupplier', id: 'vectors', source: 'get::id::data', ...serialiser },
      { kind: 'PromMatrixToSeriesSupplier', id: 'matrix', source: 'get::id::data', ...serialiser },
    ];
    const text = models.map((model) => JSON.stringify(model)).join('\n---\n');
    const session = openSession(loadBundle([{ path: 'descriptors/a.yaml', text }]), {
      ...{ kamafile: { read: () => Promise.resolve(undefined) }, namespace: 'shop', clock: systemClock },
      ...{ cluster: clusterReader(cluster, 'shop'), http: http.read },
    } as Parameters<typeof openSession>[1]);
    return (id: string) => session.resolve(id, 'source');
  };
  const inCluster = { service: { name: 'prometheus' } };

  it.each([
    ['an address', () => ({ url: `${url}/` })],
    ['a Service of the cluster', () => inCluster],
  ])('are vectors at %s, by the name that a label gives', async (_where, place) => {
    const figures = read({ ...place(), query: 'sort_desc(up) * 2' }, { series_key: 'job' });
    const vectors = (await figures('plain')) as { metric: { job: string }; value: [number, string] }[];
    expect(vectors.map(({ metric, value }) => [metric.job, value[1]]).sort()).toEqual([
      ['db', '2'],
      ['web', '2'],
    ]);
    expect(await figures('groups')).toEqual(
      expect.arrayContaining([
        { name: 'web', value: 2 },
        { name: 'db', value: 2 },
      ]),
    );
    expect(await read({ ...place(), type: 'ping' })('plain')).toBe(true);
  });

  it('are rows of times as far back as it is said; one series without labels is "value"', async () => {
    const span = { url, type: 'matrix', t0_offset: '10m', step: '1s' };
    const rows = (await read({ ...span, query: 'up' }, { series_key: 'job' })('series')) as Record<string, unknown>[];
    const at = expect.stringMatching(/^\d{4}-.*Z$/);
    expect(rows.at(-1)).toEqual({ timestamp: at, web: 1, db: 1 });
    const times = rows.map(({ timestamp }) => Date.parse(String(timestamp)));
    expect(times).toEqual([...times].sort((left, right) => left - right));
    expect((await read({ ...span, query: 'sum(up)' })('series')) as object[]).toContainEqual({
      timestamp: at,
      value: 2,
    });
    // Whatever there was an hour ago ended before this server began.
    const past = { ...span, t0_offset: '2h', tn_offset: 3_600, step: '5m' };
    expect(await read({ ...past, query: 'up' })('series')).toEqual([]);
    const steps = (await read({ ...past, query: 'vector(1)' })('series')) as { timestamp: string }[];
    expect(steps).toHaveLength(13);
    expect(Date.parse(steps[1]?.timestamp ?? '') - Date.parse(steps[0]?.timestamp ?? '')).toBe(300_000);
    const three = (await read({ url, type: 'matrix', query: 'vector(1)', step: '1h' })('series')) as object[];
    expect(three).toHaveLength(4);
  });

  it("refuse what Prometheus refuses, in its words; nobody's answer is nothing, and no ping", async () => {
    await expect(read({ url, query: 'sum(' })('plain')).rejects.toThrow(/parse error: unclosed/);
    await expect(read({ url, type: 'matrix', query: 'up', step: 'often' })('plain')).rejects.toThrow(/no duration/);
    await expect(read({ query: 'up' })('plain')).rejects.toThrow(/"url"/);
    const nobody = { url: 'http://127.0.0.1:1' };
    expect(await read({ ...nobody, query: 'up' })('plain')).toBeNull();
    expect(await read({ ...nobody, type: 'ping' })('plain')).toBe(false);
    expect(await read({ service: { name: 'other' }, query: 'up' })('plain')).toBeNull();
  });

  it('come from a server of which is told whether it answers, and how a person gets there', async () => {
    const state = async (kind: string, attributes: object) => await read(attributes, {}, kind)('plain');
    const forward = { pod_name: 'prometheus', pod_port: 9090, namespace: 'shop' };
    expect(await state('PromStateSupplier', inCluster)).toEqual({
      ...{ status: 'online', is_online: true, is_in_cluster: true, action_preview_str: 'http://localhost' },
      action_spec: { type: 'port_forward', uri: forward },
    });
    expect(await state('PromStateSupplier', { url: 'http://127.0.0.1:1' })).toEqual({
      ...{ status: 'offline', is_online: false, is_in_cluster: false, action_preview_str: 'http://127.0.0.1:1' },
      action_spec: { type: 'www', uri: 'http://127.0.0.1:1' },
    });
    expect(await state('GrafanaStateSupplier', inCluster)).toMatchObject({
      ...{ status: 'enabled', is_configured: true, action_spec: { type: 'port_forward', uri: forward } },
    });
    const www = { type: 'www', uri: 'https://grafana.test' };
    expect(await state('GrafanaStateSupplier', { url: www.uri })).toMatchObject({
      ...{ status: 'enabled', is_in_cluster: false, action_preview_str: www.uri, action_spec: www },
    });
    for (const place of [{}, { url: '' }, { service: { name: 'nobody' } }])
      expect(await state('GrafanaStateSupplier', place), JSON.stringify(place)).toMatchObject({
        ...{ status: 'disabled', is_configured: false, action_preview_str: 'no access', action_spec: null },
      });
  });
});
