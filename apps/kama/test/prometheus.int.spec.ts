import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { loadBundle, openSession } from '@nm/kama-sdk';
import { systemClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterReader } from '../src/installs/read-cluster.js';
import { httpReader } from '../src/server/read-http.js';

const proxied = '/api/v1/namespaces/shop/services/prometheus%3A9090/proxy';

/** A stand-in that speaks Prometheus' query API, by itself and behind an API server's service proxy: two jobs that are up, and `sum(up)` without labels. */
function standIn(asked: URL[]): Server {
  return createServer((request, reply) => {
    const url = new URL(request.url ?? '', 'http://stand.in');
    asked.push(url);
    const path = url.pathname.replace(proxied, '');
    const say = (status: number, body: object) =>
      reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const query = url.searchParams.get('query') ?? '';
    if (query.includes('(') && !query.endsWith(')'))
      return say(400, { status: 'error', error: 'parse error: unclosed' });
    const metrics = query === 'up' ? [{ job: 'web' }, { job: 'db' }] : [{}];
    const [start, step] = ['start', 'step'].map((name) => Number(url.searchParams.get(name)));
    const values = [0, 1].map((n) => [(start ?? 0) + n * (step ?? 0), String(n + 1)]);
    if (path === '/api/v1/query')
      return say(200, { status: 'success', data: { result: metrics.map((metric) => ({ metric, value: [1, '1'] })) } });
    if (path === '/api/v1/query_range')
      return say(200, { status: 'success', data: { result: metrics.map((metric) => ({ metric, values })) } });
    return say(404, { kind: 'Status', status: 'Failure', code: 404, reason: 'NotFound', message: 'none' });
  });
}

describe('figures of Prometheus', () => {
  const asked: URL[] = [];
  const server = standIn(asked);
  const policy = new EgressPolicy({ allow: ['127.0.0.0/8'] });
  const http = httpReader(policy);
  let url: string;
  let cluster: KubeSession;

  beforeAll(async () => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    cluster = new KubeSession({ server: url, token: 't' }, { policy });
  });
  afterAll(async () => {
    await cluster.close();
    await http.close();
    server.closeAllConnections();
    server.close();
  });

  const read = (attributes: object, serialiser = {}) => {
    const models = [
      { kind: 'PromDataSupplier', id: 'data', ...attributes },
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
    const figures = read({ ...place(), query: 'up' }, { series_key: 'job' });
    expect(await figures('plain')).toEqual([
      { metric: { job: 'web' }, value: [1, '1'] },
      { metric: { job: 'db' }, value: [1, '1'] },
    ]);
    expect(await read({ ...place(), type: 'ping' })('plain')).toBe(true);
  });

  it('are groups of a name and a number', async () => {
    const session = read({ url, query: 'up' }, { series_key: 'job' });
    expect(await session('groups')).toEqual([
      { name: 'web', value: 1 },
      { name: 'db', value: 1 },
    ]);
  });

  it('are rows of times, over three hours unless it is said otherwise; one series without labels is "value"', async () => {
    const rows = (await read({ url, type: 'matrix', query: 'up' }, { series_key: 'job' })('series')) as object[];
    const at = expect.stringMatching(/^\d{4}-.*Z$/);
    expect(rows).toEqual([
      { timestamp: at, web: 1, db: 1 },
      { timestamp: at, web: 2, db: 2 },
    ]);
    const [start, end] = ['start', 'end'].map((name) => Number(asked.at(-1)?.searchParams.get(name)));
    expect((end ?? 0) - (start ?? 0)).toBe(3 * 3_600);
    const sum = { url, type: 'matrix', query: 'sum(up)', t0_offset: '30m', tn_offset: 60, step: '5m' };
    expect(await read(sum)('series')).toEqual([
      { timestamp: at, value: 1 },
      { timestamp: at, value: 2 },
    ]);
    const last = asked.at(-1)?.searchParams;
    expect(Number(last?.get('end')) - Number(last?.get('start'))).toBe(29 * 60);
    expect(last?.get('step')).toBe('300');
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
});
