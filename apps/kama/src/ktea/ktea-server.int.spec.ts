import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createLogger } from '@nm/adapters/telemetry';
import { executableEngine, httpEngine, ProgramRunner, type TemplatingEngine } from '@nm/adapters/templating';
import { Fault } from '@nm/kernel/fault';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineConforms } from '../../../../libs/testing/templating-engine.conformance.js';
import { createKteaServer, type KteaServerOptions } from './ktea-server.js';

const program = join(import.meta.dirname, '../../../../libs/testing/engines/engine.mjs');
const runnerOf = (timeoutMs: number) =>
  new ProgramRunner({ path: process.env['PATH'] ?? '', timeoutMs, outputBytesMax: 1024 * 1024 });
const dispatcher = new Agent();
const servers: Server[] = [];
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await dispatcher.destroy();
});

async function serve(more: Partial<KteaServerOptions> = {}): Promise<string> {
  const server = createKteaServer({
    engineFor: (release) => executableEngine({ runner: runnerOf(60_000), release }),
    ktea: { type: 'local_executable', uri: program },
    allowArgs: false,
    admit: () => Promise.resolve(),
    cacheChars: 1024 * 1024,
    log: createLogger('ktea', 'silent'),
    ...more,
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let uri = '';
let briefUri = '';
beforeAll(async () => {
  uri = await serve();
  briefUri = await serve({ engineFor: (release) => executableEngine({ runner: runnerOf(1_000), release }) });
});
const client = httpEngine({ dispatcher, release: 'shop', timeoutMs: 60_000 });

engineConforms(
  'ktea-server around an executable, asked over HTTP',
  { words: true, presets: false, endless: true },
  () => ({
    engine: client,
    brief: {
      ...client,
      template: (ktea, values, signal) => client.template({ ...ktea, uri: briefUri }, values, signal),
    },
    ktea: { type: 'server', uri },
  }),
);

describe('ktea-server', () => {
  const ask = async (base: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const init = body === undefined ? { headers } : { method: 'POST', body: JSON.stringify(body), headers };
    const answer = await fetch(base + path, init);
    return {
      status: answer.status,
      cache: answer.headers.get('x-engine-cache'),
      body: (await answer.json()) as object,
    };
  };
  const counting = async (more: Partial<KteaServerOptions> = {}) => {
    let count = 0;
    const engine: TemplatingEngine = {
      defaults: () => Promise.resolve({ a: 1 }),
      template: async (_ktea, values) => {
        count += 1;
        await new Promise((resolve) => setImmediate(resolve));
        if (values['fail']) throw new Fault('template_failed', { public: 'no' });
        return [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: values }];
      },
    };
    return { base: await serve({ engineFor: () => engine, ...more }), count: () => count };
  };

  it('renders equal values once, whatever the order of their names, and each release by itself', async () => {
    const { base, count } = await counting();
    expect((await ask(base, '/template?release_name=a', { x: 1, y: { z: 2, w: 3 } })).cache).toBe('miss');
    const again = await ask(base, '/template?release_name=a', { y: { w: 3, z: 2 }, x: 1 });
    expect(again).toMatchObject({ status: 200, cache: 'hit' });
    expect(count()).toBe(1);
    expect((await ask(base, '/template?release_name=b', { x: 1, y: { z: 2, w: 3 } })).cache).toBe('miss');
    expect((await ask(base, '/template?release_name=a', { x: '1', y: { z: 2, w: 3 } })).cache).toBe('miss');
    expect(count()).toBe(3);
  });

  it('puts one question for all who ask it at once', async () => {
    const { base, count } = await counting();
    await Promise.all(Array.from({ length: 8 }, () => ask(base, '/template', { x: 1 })));
    expect(count()).toBe(1);
  });

  it('keeps no failure, and no more than it may', async () => {
    const { base, count } = await counting({ cacheChars: 200 });
    for (const _ of [1, 2]) expect((await ask(base, '/template', { fail: true })).status).toBe(422);
    expect(count()).toBe(2);
    await ask(base, '/template', { x: 'y'.repeat(150) });
    expect((await ask(base, '/template', { x: 'y'.repeat(150) })).cache).toBe('miss');
  });

  it('answers in the forms of clients before it', async () => {
    const template = { data: [expect.objectContaining({ kind: 'ConfigMap' })] };
    expect((await ask(uri, '/api/template', { values: { flavour: 'a', count: 1 } })).body).toEqual(template);
    expect((await ask(uri, '/')).body).toEqual(template);
    expect((await ask(uri, '/api/values')).body).toEqual({ data: { flavour: 'vanilla', count: 1 } });
    expect((await ask(uri, '/info')).body).toMatchObject({ executable: program });
    expect((await ask(uri, '/healthz')).status).toBe(200);
  });

  it('answers an engine that fails with an error, not with nothing', async () => {
    const failed = await ask(uri, '/template', { flavour: 'a', count: 1, broken: 'no cones' });
    expect(failed).toMatchObject({ status: 422, body: { code: 'template_failed', error: 'template_failed' } });
    expect(JSON.stringify(failed.body)).toContain('no cones');
    const absent = await serve({ ktea: { type: 'local_executable', uri: 'no-such-engine' } });
    expect(await ask(absent, '/values')).toMatchObject({ status: 503, body: { code: 'engine_unavailable' } });
  });

  it('refuses what is ill-formed or too large, and words that it does not allow', async () => {
    const post = (body: string, path = '/template') =>
      fetch(uri + path, { method: 'POST', body }).then(({ status }) => status);
    expect(await post('{')).toBe(400);
    expect(await post('[1]')).toBe(400);
    expect(await post(`{"a":"${'x'.repeat(5 * 1024 * 1024)}"}`).catch(() => 413)).toBe(413);
    expect(await post('{}', '/nothing')).toBe(404);
    expect((await ask(uri, '/values?args=--danger')).status).toBe(400);
    expect((await ask(uri, '/values?release_name=--danger')).status).toBe(400);
  });

  it('lets nobody in whom its door does not admit, but to its health', async () => {
    const shut = await serve({ admit: () => Promise.reject(new Fault('unauthenticated')) });
    for (const path of ['/values', '/info', '/']) expect((await ask(shut, path)).status).toBe(401);
    expect((await ask(shut, '/healthz')).status).toBe(200);
  });
});
