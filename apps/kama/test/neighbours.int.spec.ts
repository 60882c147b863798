import { join } from 'node:path';
import { createLogger } from '@nm/adapters/telemetry';
import { TemplateWorkers } from '@nm/adapters/templating';
import { loadBundle, readBundleFolder, Turns } from '@nm/kama-sdk';
import { systemClock } from '@nm/kernel/time';
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryCluster } from '../src/own/memory-cluster.js';
import { createKama } from '../src/server/create-kama.js';
import { memoryInstall } from './memory-install.js';

/** Requests of the neighbour at the same time. */
const floodOf = 40;
const app = { id: 'app_1', org: 'acme', name: 'shop', version: '1.0.0' };
const endless = `kind: ManifestVariable
id: a
title: { kind: Supplier, source: [1], output: "def f: f; f" }
`;
const doubling = Array.from(
  { length: 30 },
  (_, n) => `kind: Supplier\nid: s${n}\nsource: [get::id::s${n + 1}, get::id::s${n + 1}]\n`,
).join('---\n');
const deep = `${doubling}---\nkind: Supplier\nid: s30\nsource: 1\n---\nkind: ManifestVariable\nid: a\ntitle: "\${get::id::s0}"\n`;

/** Two installs of two apps in one host; the header says which, as the signed context does in earnest. */
async function neighbours(hostile: string, options: { timeoutMs: number; burstMs: number }) {
  const bundles = new Map([
    ['hostile', loadBundle([{ path: 'descriptors/a.yaml', text: hostile }])],
    ['modest', loadBundle(await readBundleFolder(join(import.meta.dirname, '../../../examples/guestbook-bundle')))],
  ]);
  const opens = new Map([...bundles.keys()].map((name) => [name, memoryInstall(new MemoryCluster(), name)]));
  const turns = new Turns(systemClock, { burstMs: options.burstMs });
  const templates = new TemplateWorkers({
    timeoutMs: options.timeoutMs,
    onWorked: (tenant, ms) => turns.charge(tenant, ms),
  });
  const server = await createKama({
    ...{ templates, turns, clock: systemClock, log: createLogger('kama', 'silent') },
    address: async (headers, signal) => {
      const name = String(headers['x-install']);
      const [bundle, open] = [bundles.get(name), opens.get(name)];
      if (!bundle || !open) throw new Error(`no install ${name}`);
      return { app, bundle, install: { ...open(true, signal), id: name } };
    },
  });
  await server.listen(0, '127.0.0.1');
  const url = await server.getUrl();
  const over = new AbortController();
  return {
    ask: (install: string, path = '/api/variables/all', body?: object) =>
      fetch(url + path, {
        method: body ? 'POST' : 'GET',
        headers: { 'x-install': install, 'content-type': 'application/json' },
        signal: over.signal,
        ...(body ? { body: JSON.stringify(body) } : {}),
      }),
    close: async () => {
      over.abort();
      await templates.close();
      await server.close();
    },
  };
}

describe('installs in one host', () => {
  let close: (() => Promise<void>) | undefined;
  afterEach(() => close?.());

  it.each([
    ['an expression without an end', endless],
    ['values that double thirty times', deep],
  ])(
    'are answered while a neighbour evaluates %s, again and again',
    async (_what, hostile) => {
      const host = await neighbours(hostile, { timeoutMs: 60_000, burstMs: 600_000 });
      close = host.close;
      let answered = 0;
      const flood = Array.from({ length: floodOf }, () =>
        host.ask('hostile').then(
          () => (answered += 1),
          () => undefined,
        ),
      );
      const before = answered;
      for (let n = 0; n < 3; n += 1) {
        expect((await host.ask('modest')).status).toBe(200);
        const step = '/api/operations/app.operation.resize/steps/size/refresh';
        expect((await host.ask('modest', step, { values: { 'web.replicas': 6 } })).status).toBe(200);
      }
      expect(before).toBe(0);
      expect(answered, 'answered of the flood').toBeLessThan(floodOf);
      await host.close();
      await Promise.all(flood);
      close = undefined;
    },
    120_000,
  );

  it('pay for what they evaluate, each for itself: 429 with the seconds to wait', async () => {
    const host = await neighbours(endless, { timeoutMs: 1_000, burstMs: 800 });
    close = host.close;
    await host.ask('modest');
    await (await host.ask('hostile')).text();
    const refused = await host.ask('hostile');
    expect([refused.status, await refused.json()]).toEqual([429, expect.objectContaining({ code: 'install_busy' })]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await host.ask('modest')).status).toBe(200);
  }, 120_000);
});
