import { join } from 'node:path';
import { compileBundle, loadBundle, readBundleFolder } from '@nm/kama-sdk';
import { isFault } from '@nm/kernel/fault';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { kamaRoutes } from '../src/contract/kama-contract.js';
import { KamaClient } from './conformance/kama-client.js';
import { type SignedKama, serveSigned } from './serve-signed.js';

const folder = join(import.meta.dirname, 'everything');
const startMs = 120_000;
/** A machine ten times slower than ours still ends. */
const fuzzMs = 600_000;
const bodies = 250;
const bundles = 60;

const ids = [
  ...['app.operation.resize', 'size', 'web.replicas', 'app.predicate.true', 'app.grid', 'app.table', 'home', 'rel-2'],
  ...[
    'acme.metrics',
    'app.hook.never',
    'before',
    'hello',
    'why',
    'pods',
    'done-x',
    '..',
    '%00',
    'ÿ',
    '__proto__',
    'a'.repeat(300),
  ],
  ...[
    'get::ns',
    'id::app.predicate.true',
    ['$', '{get::ns}'].join(''),
    Buffer.from('{"kind":"MultiAction"}').toString('base64'),
  ],
  Buffer.from('{"kind":"RunPredicateAction","predicate":{"challenge":"get::self>>challenge"}}').toString('base64'),
];
const words = fc.oneof(
  fc.constantFrom(...ids),
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(words, fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(words, fc.constantFrom('kind', 'id', 'challenge', 'predicates', 'inherit')), tie('value'), {
      maxKeys: 4,
    }),
  ),
}));
const names = [
  'value',
  'values',
  'assignments',
  'victim_keys',
  'whitelist',
  'predicates',
  'resource_kinds',
  'col_ids',
  'max_cols',
  'problem_level',
  'name',
  'data',
  'meta_id',
  'ktea',
  'status',
];

/** A body as its schema wants it, with some members of another shape, or none at all. */
const body = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 5 }).map((each) => JSON.stringify(each)),
  },
  { weight: 1, arbitrary: value.map((each) => JSON.stringify(each) ?? '') },
  { weight: 1, arbitrary: fc.string({ maxLength: 60 }) },
  { weight: 1, arbitrary: value.map((each) => JSON.stringify(JSON.stringify(each) ?? '')) },
);
const query = fc.dictionary(
  fc.constantFrom('space', 'category', 'id_in', 'b64_enc_data', 'kinds', 'ostid'),
  fc.oneof(
    words,
    value.map((each) => Buffer.from(JSON.stringify(each) ?? '').toString('base64')),
  ),
  { maxKeys: 3 },
);

/** A path segment as a client would send it: what a router takes for another path is left out. */
const segment = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(/^\.{1,2}$/, 'dots') || 'empty';

/** What is asked of every bundle that compiles. */
const served = [
  ...['variables/all', 'variables/health', 'operations', 'app/presets', 'app/status', 'releases', 'plugins/all'],
  ...['view_specs/groups/home', 'view_specs/tables/app.table/compute', 'view_specs/grids/app.grid/cells/hello/compute'],
  ...['app/uninstall-victim-groups', 'app/glances/app.glance.share', 'health/predicates', 'app/install-hooks'],
  ...[
    'injections/latest/preview',
    'releases/rel-2/preview-manifest',
    'operations/app.operation.resize/steps/size/next',
  ],
];

/** What an author might have written there. */
const plausible = fc.constantFrom<unknown>(
  ...['get::ns', 'get::self>>title', 'get::self>>value', 'get::parent>>nothing', 'get::kind::MergedVarsSupplier->.web'],
  ...[
    'id::app.predicate.true',
    'assets::values.yaml',
    '...get::ns',
    'get::self>>x->.a | .b',
    '->',
    1,
    -1,
    0.5,
    true,
    null,
    '',
  ],
  ...[[], {}, [null], ['id::web.replicas'], { kind: 'Supplier', source: 'get::self' }, { kind: 'SelfSupplier' }],
  ...[
    { kind: 'MergeSupplier', source: ['get::self', 1] },
    { kind: 'Supplier', source: {}, output: '.[0] | error', depth: 9 },
  ],
);

let server: SignedKama;
let kama: KamaClient;

beforeAll(async () => {
  server = await serveSigned(loadBundle(await readBundleFolder(folder)));
  kama = new KamaClient(server.url, server.headers());
}, startMs);
afterAll(() => server?.close());

describe('whatever is sent', () => {
  it(
    'is answered with JSON and no fault of the server, by every route',
    async () => {
      const request = fc.record({
        route: fc.constantFrom(...kamaRoutes),
        parts: fc.array(words, { minLength: 3, maxLength: 3 }),
        body,
        query,
      });
      await fc.assert(
        fc.asyncProperty(request, async ({ route, parts, body: text, query: asked }) => {
          let next = 0;
          const path = route.path.replaceAll(/\{\w+\}/g, () => segment(parts[next++] ?? 'x'));
          const search = new URLSearchParams();
          for (const [key, each] of Object.entries(asked)) search.set(key, each.toWellFormed());
          // The client itself holds the answer to the document, and refuses a 5xx.
          await kama.send(route.method, `${path}?${search.toString()}`, route.method === 'GET' ? undefined : text);
        }),
        { numRuns: bodies, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
      );
    },
    fuzzMs,
  );

  it(
    'as a descriptor is compiled or refused with findings, and serves or refuses every list',
    async () => {
      const files = await readBundleFolder(folder);
      const documents = files
        .filter(({ path }) => path.startsWith('descriptors/'))
        .flatMap(({ text }) =>
          parseAllDocuments(text).map((each) => ('toJS' in each ? (each.toJS() as Record<string, unknown>) : {})),
        );
      const rest = files.filter(({ path }) => !path.startsWith('descriptors/'));
      const mutation = fc.record({
        at: fc.nat(documents.length - 1),
        leaf: fc.nat(60),
        value: fc.oneof(plausible, value),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
          const mutated = structuredClone(documents);
          for (const { at, leaf, value: other } of mutations) {
            const places = placesOf(mutated[at] ?? {});
            places[leaf % Math.max(1, places.length)]?.(other);
          }
          const text = mutated.map((each) => stringify(each)).join('---\n');
          const bundle = compiled([...rest, { path: 'descriptors/all.yaml', text }]);
          if (!bundle) return;
          server.serve(bundle);
          for (const path of served) await kama.get(`/api/${path}`);
          await kama.post('/api/operations/app.operation.resize/steps/size/refresh', { values: { 'web.replicas': 6 } });
        }),
        { numRuns: bundles, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
      );
    },
    fuzzMs,
  );
});

/** placesOf lists how to put another value at each place of a descriptor, its name and kind excepted. */
function placesOf(holder: Record<string, unknown> | unknown[]): ((value: unknown) => void)[] {
  return Object.entries(holder).flatMap(([key, held]) => {
    if (key === 'kind' || key === 'id') return [];
    const put = (value: unknown): void => {
      (holder as Record<string, unknown>)[key] = value;
    };
    return typeof held === 'object' && held !== null ? [put, ...placesOf(held as Record<string, unknown>)] : [put];
  });
}

/** None when the bundle is refused, which wants findings. */
function compiled(files: Parameters<typeof loadBundle>[0]) {
  try {
    return loadBundle(files);
  } catch (error) {
    expect(isFault(error) && error.code, String(error)).toBe('bundle_invalid');
    expect(compileBundle(files).findings.length).toBeGreaterThan(0);
    return undefined;
  }
}
