import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { issue, makeTenant, setInstance, type Tenant } from './tenant.js';

const patient = { timeout: 30_000, interval: 100 };

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}
interface Batch {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Span['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** The smallest collector: takes OTLP/HTTP in JSON and keeps the spans. */
async function startCollector(): Promise<{ url: string; spans: Span[]; services: unknown[]; server: Server }> {
  const spans: Span[] = [];
  const services: unknown[] = [];
  const server = createServer((incoming, response) => {
    let text = '';
    incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
    incoming.on('end', () => {
      expect([incoming.method, incoming.url]).toEqual(['POST', '/v1/traces']);
      for (const { resource, scopeSpans } of (JSON.parse(text) as Batch).resourceSpans) {
        services.push(...resource.attributes.filter(({ key }) => key === 'service.name').map(({ value }) => value));
        for (const scope of scopeSpans) spans.push(...scope.spans);
      }
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1/traces`, spans, services, server };
}

describe('traces of the gateway', () => {
  let collector: Awaited<ReturnType<typeof startCollector>>;
  let stage: Stage;
  let upstream: Upstream;
  let acme: Tenant;
  let key: string;
  beforeAll(async () => {
    collector = await startCollector();
    stage = await openStage({ config: { tracesUrl: collector.url, tracesSample: 0 } });
    upstream = await startUpstream();
    acme = await makeTenant(stage.database.db, 'acme');
    await setInstance(stage.database.db, acme, { address: upstream.address });
    ({ key } = await issue(stage.database.db, stage.vault, acme));
  });
  afterAll(async () => {
    await stage?.close();
    await upstream?.close();
    collector?.server.close();
  });

  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const parent = '00f067aa0ba902b7';
  const get = (path: string, headers: Record<string, string> = {}) =>
    request(stage.url).get(`/kama/acme/guestbook${path}`).set(headers);
  const attributesOf = (span: Span) =>
    Object.fromEntries(span.attributes.map(({ key: name, value }) => [name, Object.values(value)[0]]));
  const spanOf = async (path: string): Promise<Span> => {
    const find = () => collector.spans.find((span) => attributesOf(span)['url.path'] === `/kama/acme/guestbook${path}`);
    await expect.poll(find, patient).toBeDefined();
    return find() as Span;
  };

  it('exports a sampled caller’s request as a child of its span, and the app gets ours as its parent', async () => {
    const before = Date.now();
    const answer = await get('/api/sampled?secret=1', {
      ...bearer(key),
      traceparent: `00-${traceId}-${parent}-01`,
      tracestate: 'vendor=1',
    });
    const span = await spanOf('/api/sampled');
    expect(span).toMatchObject({ traceId, parentSpanId: parent, name: 'GET /kama', kind: 2 });
    expect(upstream.seen.at(-1)!.headers).toMatchObject({
      traceparent: `00-${traceId}-${span.spanId}-01`,
      tracestate: 'vendor=1',
    });
    expect(attributesOf(span)).toMatchObject({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'nm.request_id': answer.headers['x-request-id'],
      'nm.app': 'acme/guestbook',
      'nm.decision': 'licence_active',
      'nm.rule': 'builtin:licence-active',
    });
    expect(JSON.stringify(span)).not.toContain('secret');
    expect(span.status.code ?? 0).toBe(0);
    expect(collector.services).toContainEqual({ stringValue: 'nmachine-gateway' });
    const [start, end] = [span.startTimeUnixNano, span.endTimeUnixNano].map((nanos) =>
      Number(BigInt(nanos) / 1_000_000n),
    );
    expect(start).toBeGreaterThanOrEqual(before - 1_000);
    expect(end).toBeGreaterThanOrEqual(start as number);
    expect(end).toBeLessThanOrEqual(Date.now() + 1_000);
  });

  it('exports refusals with their code', async () => {
    const expired = await issue(stage.database.db, stage.vault, acme, { expiresAt: new Date('2020-01-01T00:00:00Z') });
    await get('/api/refused', { ...bearer(expired.key), traceparent: `00-${traceId}-${parent}-01` });
    expect(attributesOf(await spanOf('/api/refused'))).toMatchObject({
      'http.response.status_code': 403,
      'error.type': 'licence_expired',
    });
  });

  it('exports nothing of what is not sampled, and passes the caller’s trace on as it came', async () => {
    await get('/api/unsampled', { ...bearer(key), traceparent: `00-${traceId}-${parent}-00`, tracestate: 'a=1' });
    expect(upstream.seen.at(-1)!.headers).toMatchObject({
      traceparent: `00-${traceId}-${parent}-00`,
      tracestate: 'a=1',
    });
    await get('/api/bare', { ...bearer(key), traceparent: 'nonsense', tracestate: 'a=1' });
    const { headers } = upstream.seen.at(-1)!;
    expect(headers.traceparent).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00$/);
    expect(headers.tracestate).toBeUndefined();
    await get('/api/last', { ...bearer(key), traceparent: `00-${traceId}-${parent}-01` });
    await spanOf('/api/last');
    const paths = collector.spans.map((span) => attributesOf(span)['url.path']);
    expect(paths.filter((path) => /unsampled|bare/.test(String(path)))).toEqual([]);
  });
});
