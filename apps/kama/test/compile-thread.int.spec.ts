import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createLogger } from '@nm/adapters/telemetry';
import { TemplateWorkers } from '@nm/adapters/templating';
import { type Bundle, loadBundle, openSession, packBundle, readBundleFolder, unpackBundle } from '@nm/kama-sdk';
import { CompileThread } from '@nm/kama-sdk/compile';
import { systemClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryCluster } from '../src/own/memory-cluster.js';
import { createKama } from '../src/server/create-kama.js';
import { memoryInstall } from './memory-install.js';

const built = join(import.meta.dirname, '../../../dist/libs/kama-sdk/compile/compile-worker.js');
const packed = (text: string): string => packBundle([{ path: 'descriptors/a.yaml', text }]).bytes.toString('utf8');
/** Near to what a bundle may hold: as many values as are allowed, in descriptors that inherit from each other. */
const big = packed(
  Array.from(
    { length: 1_000 },
    (_, n) =>
      `kind: Supplier\nid: s${n}\n${n % 10 === 0 ? '' : `inherit: s${n - 1}\n`}source: { a${n % 10}: [${Array.from({ length: 30 }, (_each, m) => m).join(', ')}] }\n`,
  ).join('---\n'),
);
const small = packed('kind: Supplier\nid: a\nsource: 1\n');
const hungry = packed(
  Array.from({ length: 400 }, (_, n) => `kind: Supplier\nid: h${n}\nsource: [${'0, '.repeat(100)}0]\n`).join('---\n'),
);

describe('bundles compiled beside the event loop', () => {
  const threads = new Set<CompileThread>();
  const threadOf = (limits: ConstructorParameters<typeof CompileThread>[0] = {}): CompileThread => {
    const thread = new CompileThread(limits, pathToFileURL(built));
    threads.add(thread);
    return thread;
  };
  let neighbour: { ask(): Promise<number>; close(): Promise<void> };

  beforeAll(async () => {
    if (!existsSync(built)) throw new Error('run `npm run build` first');
    const bundle = loadBundle(await readBundleFolder(join(import.meta.dirname, '../../../examples/guestbook-bundle')));
    const open = memoryInstall(new MemoryCluster(), 'modest');
    const templates = new TemplateWorkers();
    const app = { id: 'app_1', org: 'acme', name: 'shop', version: '1.0.0' };
    const server = await createKama({
      ...{ templates, clock: systemClock, log: createLogger('kama', 'silent') },
      address: (_headers, signal) => Promise.resolve({ app, bundle, install: open(true, signal) }),
    });
    await server.listen(0, '127.0.0.1');
    const url = await server.getUrl();
    neighbour = {
      ask: async () => (await fetch(`${url}/api/variables/all`)).status,
      close: async () => {
        await server.close();
        await templates.close();
      },
    };
  });
  afterAll(async () => {
    await neighbour?.close();
    for (const thread of threads) await thread.close();
  });

  /** How often an install of another app is answered until something is done. */
  const answersUntil = async (work: () => Promise<unknown>): Promise<number> => {
    let [over, answers] = [false, 0];
    const done = turn()
      .then(work)
      .finally(() => {
        over = true;
      });
    while (!over) {
      expect(await neighbour.ask()).toBe(200);
      if (!over) answers += 1;
    }
    await done;
    return answers;
  };

  it('another install is answered all the while, and was answered once when it was done on the loop', async () => {
    const thread = threadOf();
    await thread.compile(small);
    await neighbour.ask();
    const onLoop = await answersUntil(async () => loadBundle(unpackBundle(Buffer.from(big))));
    const beside = await answersUntil(() => thread.compile(big));
    expect(onLoop).toBeLessThanOrEqual(1);
    expect(beside, `${onLoop} on the loop`).toBeGreaterThanOrEqual(5);
  }, 300_000);

  it('gives the bundle that the loop would have: values, inheritance, places, and what is text', async () => {
    const files = await readBundleFolder(join(import.meta.dirname, 'everything'));
    const here = loadBundle(files);
    const there = await threadOf().compile(packBundle(files).bytes.toString('utf8'));
    expect(there.digest).toBe(here.digest);
    expect(there.descriptors).toEqual(here.descriptors);
    expect(there.plugins).toEqual(here.plugins);
    const placesOf = (bundle: Bundle) =>
      bundle.descriptors.map(({ config }) =>
        Object.keys(config).map((key) => [
          bundle.sources.placeOf(config, key),
          bundle.sources.isDescriptor(config[key]),
        ]),
      );
    expect(placesOf(there)).toEqual(placesOf(here));
    for (const name of ['shiny.yaml.jinja', 'values.yaml'])
      expect(there.asset(name, undefined)).toBe(here.asset(name, undefined));
    const inherited = await threadOf().compile(
      packed('kind: Supplier\nid: a\nsource: get::id::b\n---\nkind: Supplier\nid: b\nsource: 7\n'),
    );
    const nothing = { read: () => Promise.resolve(undefined) };
    const session = openSession(inherited, { kamafile: nothing, namespace: 'n' } as Parameters<typeof openSession>[1]);
    expect(await session.resolve('a', 'source')).toBe(7);
  }, 120_000);

  it("refuses what the loop refuses, in the linter's words", async () => {
    const thread = threadOf();
    await expect(thread.compile(packed('kind: Suplier\nid: a\n'))).rejects.toMatchObject({
      code: 'bundle_invalid',
      extra: { findings: [expect.objectContaining({ line: 1, code: 'unknown_kind' })] },
    });
    await expect(thread.compile('{}')).rejects.toMatchObject({ code: 'bundle_invalid' });
  }, 120_000);

  it.each([
    ['memory', { heapMib: 17 }, hungry],
    ['time', { timeMsMax: 20 }, big],
    ['time', { cpuMsMax: 5 }, big],
  ] as const)(
    'ends a thread that takes too much %s; the host goes on, and the next bundle has a new one',
    async (what, limits, text) => {
      const thread = threadOf(limits);
      await expect(thread.compile(text)).rejects.toMatchObject({
        code: 'bundle_invalid',
        publicMessage: expect.stringContaining(`more ${what} than`),
      });
      expect(await neighbour.ask()).toBe(200);
      // The thread for the next bundle takes longer to start than the second of these limits allows.
      if (what === 'memory') expect((await thread.compile(small)).has('a')).toBe(true);
    },
    120_000,
  );
});
