import { loadBundle, readBundleFolder } from '@nm/kama-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kamaRoutes, routeKey } from '../src/contract/kama-contract.js';
import { MemoryCluster } from '../src/own/memory-cluster.js';
import { KamaClient } from './conformance/kama-client.js';
import { kamaConformance } from './conformance/kama-conformance.js';
import { everything } from './driven-apps.js';
import { refusesWord } from './memory-install.js';
import { type SignedKama, serveSigned } from './serve-signed.js';

const startMs = 120_000;
const prototype = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'kamafile' },
  data: {
    app: JSON.stringify({
      is_prototype: true,
      status: 'running',
      install_token: 'very-secret',
      ktea: { type: 'jinja', uri: 'web.yaml.jinja', version: '1.0.0' },
      kama: { type: 'managed', uri: 'acme/everything', version: '1.0.0' },
      default_vars: { web: { replicas: 1, mode: 'plain', greeting: 'hi' }, plan: { seats: 1 } },
    }),
  },
};
const pod = (name: string, phase: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels: { app: 'web' } },
  status: { phase },
});

let server: SignedKama;
let kama: KamaClient;

beforeAll(async () => {
  const bundle = loadBundle(await readBundleFolder(everything.folder));
  server = await serveSigned(
    bundle,
    new MemoryCluster([prototype, pod('good', 'Running'), pod('bad', 'Failed')], refusesWord),
  );
  kama = new KamaClient(server.url, server.headers());
}, startMs);
afterAll(() => server?.close());

kamaConformance(() => ({ baseUrl: server.url, headers: server.headers() }), everything.driven);

describe('routes of a KAMA', () => {
  it('are refused without a context that the gateway signed', async () => {
    for (const headers of [{}, { 'nm-context': 'x' }, { 'nm-context': `${server.headers()['nm-context']}x` }])
      expect((await new KamaClient(server.url, headers).get('/api/variables/all')).status).toBe(401);
  });

  it('write nothing for a licence that may read only', async () => {
    const reader = new KamaClient(server.url, server.headers('read-only'));
    const answer = await reader.post('/api/variables/commit-apply', { assignments: { 'web.replicas': 4 } });
    expect([answer.status, answer.body.code]).toEqual([403, 'licence_read_only']);
    expect((await reader.post('/api/telem/config_backups/new')).status).toBe(403);
    expect((await reader.get('/api/variables/all')).status).toBe(200);
  });

  it('that GET change nothing, whichever is asked', async () => {
    const { paths } = await kama.document();
    const ids: Record<string, string> = {
      ...{
        operation: 'app.operation.resize',
        step: 'size',
        stage: 'any',
        kind: 'Deployment',
        name: 'web',
        cell: 'hello',
      },
      ...{ category: 'compute', job: 'nope', diagnosis: 'nope' },
    };
    const named: Record<string, string> = {
      releases: 'rel-2',
      updates: 'rel-2',
      view_specs: 'app.grid',
      actions: 'app.action.greet',
    };
    const before = server.cluster.snapshot();
    const events = await kama.data('/api/telem/events');
    for (const [path, methods] of Object.entries(paths)) {
      if (!('get' in methods)) continue;
      const family = path.split('/')[2] ?? '';
      const url = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => ids[name] ?? named[family] ?? 'web.replicas');
      await kama.get(`${url}?kinds=configmaps`, { Ostid: 'abcdefghij' });
    }
    expect(server.cluster.snapshot()).toEqual(before);
    expect(await kama.data('/api/telem/events')).toEqual(events);
  });

  it('are all in the document, and the document names no other', async () => {
    const { paths } = await kama.document();
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(documented.toSorted()).toEqual(kamaRoutes.map(routeKey).toSorted());
    expect(server.routes.filter((route) => route !== 'GET /openapi.json').toSorted()).toEqual(documented.toSorted());
  });
});

describe('presets', () => {
  it('show what they would change, and commit what is on the list only', async () => {
    const [large] = await kama.data('/api/app/presets');
    expect(large.variables).toEqual([
      { id: 'web.replicas', info: 'How many copies run', new_value: 9, old_value: expect.any(Number) },
      expect.objectContaining({ id: 'web.mode', new_value: 'fancy' }),
    ]);
    const { body } = await kama.post('/api/app/presets/app.preset.large/commit-apply', { whitelist: ['web.mode'] });
    expect((await kama.settled(body.job_id)).status).toBe('positive');
    expect((await kama.data('/api/variables/detail/web.mode')).value).toBe('fancy');
    expect((await kama.data('/api/variables/detail/web.replicas')).value).not.toBe(9);
    expect((await kama.post('/api/app/presets/app.preset.large/commit-apply', { whitelist: [] })).status).toBe(400);
  });
});

describe('variables', () => {
  it('run the checks of their value, each in a node', async () => {
    const { body } = await kama.post('/api/variables/detail/web.replicas/health_predicates/run');
    const job = await kama.settled(body.data.job_id);
    expect(job.progress.sub_items.map((each: { id: string }) => each.id)).toEqual(['app.predicate.has-replicas']);
    expect(job.status).toBe('positive');
  });

  it('take the defaults of the engine when they are told to, not when they are asked', async () => {
    const held = () =>
      JSON.parse((server.cluster.find('ConfigMap', 'kamafile') as never as { data: { app: string } }).data.app);
    const map = server.cluster.find('ConfigMap', 'kamafile') as never as { data: { app: string } };
    server.cluster.put({
      ...map,
      data: { ...map.data, app: JSON.stringify({ ...held(), default_vars: {} }) },
    } as never);
    expect(await kama.data('/api/variables/populate-defaults')).toMatchObject({ web: { replicas: 1 } });
    expect(held().default_vars).toEqual({});
    const { body } = await kama.post('/api/variables/populate-defaults');
    expect((await kama.settled(body.data.job_id)).status).toBe('positive');
    expect(held().default_vars).toMatchObject({ web: { replicas: 1, mode: 'plain' } });
  });

  it('tell what depends on them', async () => {
    const { outgoing_dependencies: out } = await kama.data('/api/variables/detail/web.mode');
    expect(out.map((each: { other_variable: { id: string } }) => each.other_variable.id)).toEqual([
      'web.theme',
      'web.replicas',
    ]);
  });
});

describe('releases and injections of a prototype', () => {
  it('are what the app itself supplies', async () => {
    const listed = await kama.data('/api/releases');
    expect(listed.map((each: { id: string; space: string }) => [each.id, each.space])).toEqual([
      ['rel-2', 'app'],
      ['rel-3', 'app'],
    ]);
    expect(await kama.data('/api/releases/next-available')).toMatchObject({ version: '2.0.0' });
    expect(await kama.data('/api/releases?space=acme.metrics')).toEqual([]);
    expect(await kama.data('/api/releases/rel-2/preview-variables')).toMatchObject({ web: { replicas: 1 } });
    const preview = await kama.data('/api/releases/rel-2/preview-manifest');
    expect([preview.old.length, preview.new.length]).toEqual([1, 1]);
    expect((await kama.get('/api/updates/rel-2/preview')).body.manifest.new).toHaveLength(1);
  });

  it('show what changes in the first object as well as in the last', async () => {
    const { diff, old, new: next } = await kama.data('/api/releases/rel-3/preview-manifest');
    expect([old.length, next.length]).toEqual([1, 2]);
    expect(diff).toMatch(/^--- manifest-\S+\n\+\+\+ manifest-3\.0\.0\n@@ /);
    expect(diff).toMatch(/^-.*image: web:/m);
    expect(diff).toMatch(/^\+.*image: shiny:/m);
    expect(diff).toMatch(/^\+.*name: shine/m);
  });

  it('are taken by a job, hooks and a backup included', async () => {
    const { body } = await kama.post('/api/releases/rel-2/apply');
    const job = await kama.settled(body.data.job_id);
    expect(job.status, JSON.stringify(job)).toBe('positive');
    expect((await kama.data('/api/telem/config_backups/index'))[0].trigger).toBe('auto');
    expect((await kama.data('/api/updates/outcomes'))[0]).toMatchObject({ type: 'sdk.action.perform_update' });
    expect((await kama.data('/api/variables/detail/web.greeting')).value).toBe('hello');
  });

  it('override deep defaults, and wait no longer once they are taken', async () => {
    expect(await kama.data('/api/injections/check_newer')).toBe(true);
    expect((await kama.data('/api/injections/latest/preview')).defaults.new).toEqual({ plan: { seats: 5 } });
    const { body } = await kama.post('/api/injections/latest/apply');
    expect((await kama.settled(body.data.job_id)).status).toBe('positive');
    expect((await kama.data('/api/variables/detail/plan.seats')).value).toBe(5);
    expect(await kama.data('/api/injections/check_newer')).toBe(false);
  });
});

describe('views', () => {
  const data = (value: object) =>
    `?b64_enc_data=${encodeURIComponent(Buffer.from(JSON.stringify(value)).toString('base64'))}`;

  it('are drawn with what the client adds, which is never a program', async () => {
    expect((await kama.data('/api/view_specs/groups/home')).collection_metas).toHaveLength(2);
    expect((await kama.data('/api/view_specs/containers/app.grid/meta')).cell_spec_metas).toHaveLength(2);
    const cell = '/api/view_specs/grids/app.grid/cells/hello/compute';
    expect((await kama.data(cell + data({ who: 'get::ns' }))).text).toBe('in shop for get::ns');
    expect((await kama.data(`${cell}?b64_enc_data=%00`)).text).toBe('in shop for ');
    expect(await kama.data('/api/view_specs/tables/app.table/compute')).toHaveLength(2);
    expect((await kama.get('/api/view_specs/containers/app.tile/meta')).status).toBe(400);
  });

  it('of the first generation are glances', async () => {
    const glance = async (id: string) => kama.data(`/api/app/glances/app.glance.${id}`);
    expect(await glance('well')).toMatchObject({ view_type: 'graphic_and_text', content_spec: { graphic: 'check' } });
    expect(await glance('share')).toMatchObject({ view_type: 'pct_pie', content_spec: { percentage: 25 } });
    expect(await glance('where')).toMatchObject({ url: 'https://shop.test' });
    expect(await glance('visits')).toMatchObject({ view_type: 'chart', content_spec: { data: [{ value: 2 }] } });
  });
});

describe('resources', () => {
  it('are rows of columns, problems first to be asked for', async () => {
    const columns = await kama.post('/api/resources/columns', { resource_kinds: ['pods'] });
    expect(columns.body.data.map((each: { title: string }) => each.title)).toContain('Status');
    const rows = async (more: object) =>
      (await kama.post('/api/resources/query', { resource_kinds: ['pods'], ...more })).body.data;
    expect(await rows({})).toHaveLength(2);
    expect(await rows({ problem_level: 'error' })).toHaveLength(1);
    expect(Object.keys((await rows({ max_cols: 2 }))[0])).toHaveLength(2);
    expect((await kama.post('/api/resources/query', { resource_kinds: ['unicorns'] })).body.data).toEqual([]);
    expect((await kama.post('/api/resources/query', { resource_kinds: ['pods'], col_ids: ['nope'] })).status).toBe(404);
  });

  it('are told in detail, values of Secrets excepted', async () => {
    server.cluster.put({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'key' },
      data: { key: 'c2VjcmV0' },
    } as never);
    expect(JSON.stringify(await kama.data('/api/resources/detail/secret/key'))).not.toContain('c2VjcmV0');
    const web = await kama.data('/api/resources/detail/deployment/web');
    expect(web.pods.map((each: { name: string }) => each.name)).toEqual(['good', 'bad']);
    expect((await kama.data('/api/resources/category/compute')).length).toBeGreaterThanOrEqual(3);
    const served = (await kama.data('/api/resources/definitions')).map((each: { name: string }) => each.name);
    expect(served).toContain('deployments');
  });
});

describe('errors', () => {
  it('carry what the app offers to do about them', async () => {
    const { body } = await kama.post('/api/actions/run_predicates', { predicates: ['id::app.predicate.false'] });
    const job = await kama.settled(body.job_id);
    expect(job.progress.sub_items[0].error.remediation_options).toEqual([
      expect.objectContaining({ title: 'Count again' }),
    ]);
  });

  it('of runs do so too, by our word for them and by the original’s', async () => {
    const { body } = await kama.post('/api/actions/app.action.explode/run');
    const job = await kama.settled(body.job_id);
    expect(job.status).toBe('negative');
    expect(job.progress.error.remediation_options).toEqual([expect.objectContaining({ title: 'Look at the object' })]);
    const asked = await kama.post(`/api/errors/${body.job_id}/diagnose`);
    const found = await kama.get(`/api/errors/${body.job_id}/diagnoses/${asked.body.job_id}`);
    expect(found.body.diagnoses).toMatchObject([{ id: 'refused' }]);
  });

  it('are diagnosed by the handler that suits them best, not by the last', async () => {
    const { body } = await kama.post('/api/actions/run_predicates', { predicates: ['id::app.predicate.false'] });
    await kama.settled(body.job_id);
    const asked = await kama.post(`/api/errors/${body.job_id}/diagnose`);
    expect(asked.body.status).toBe('running');
    const { body: found } = await kama.get(`/api/errors/${body.job_id}/diagnoses/${asked.body.job_id}`);
    expect(found).toMatchObject({
      status: 'ready',
      diagnoses: [{ id: 'arithmetic', actionables: [{ operation_id: 'app.operation.resize' }] }],
    });
    expect((await kama.post('/api/errors/nope/diagnose')).body).toEqual({ status: 'err-not-found' });
  });
});

describe('hooks, plugins and what is around', () => {
  it('lists hooks of an event by their selector, and runs one', async () => {
    expect((await kama.data('/api/app/install-hooks')).map((each: { id: string }) => each.id)).toEqual([
      'app.hook.before-install',
    ]);
    expect(await kama.data('/api/app/uninstall-hooks')).toEqual([]);
    const { body } = await kama.post('/api/app/hooks/app.hook.before-install/run');
    expect((await kama.settled(body.data.job_id)).status).toBe('positive');
    expect((await kama.post('/api/injections/latest/hooks/meanwhile/run')).status).toBe(404);
  });

  it('gives a plugin a space of its own, and neither tells nor takes its token', async () => {
    const identity = { install_id: 'ins-7', install_token: 'very-secret', ktea: { type: 'jinja', uri: 'x' } };
    const { body } = await kama.post('/api/plugins/all/acme.metrics/initialize', identity);
    expect((await kama.settled(body.job_id)).status).toBe('positive');
    const [plugin] = await kama.data('/api/plugins/all');
    expect(plugin).toMatchObject({ id: 'acme.metrics', version: '0.1.0', install_id: 'ins-7', ktea: { uri: 'x' } });
    expect(JSON.stringify([plugin, server.cluster.find('ConfigMap', 'kamafile')])).not.toMatch(
      /very-secret.*very-secret/,
    );
    expect(await kama.data('/api/variables/all?space=acme.metrics')).toHaveLength(1);
  });

  it('computes how each space is, and notes it in each', async () => {
    const { body } = await kama.post('/api/app/compute-and-sync-statuses');
    expect(body.statuses).toEqual({ app: 'running', 'acme.metrics': 'broken' });
    await kama.settled(body.job_id);
    expect((await kama.data('/api/plugins/all'))[0].status).toBe('broken');
  });

  it('names what an uninstall deletes', async () => {
    const [group] = await kama.data('/api/app/uninstall-victim-groups');
    expect(group).toMatchObject({ title: 'The store', mandatory: true });
    expect(group.matchers).toMatchObject([
      { kind: 'ConfigMap', namespace: 'shop', field_selectors: { 'metadata.name': 'store' } },
      { kind: 'Deployment', label_selectors: { app: 'web' } },
    ]);
  });

  it('never shows a token of the Kamafile, in backups neither', async () => {
    const { body } = await kama.post('/api/telem/config_backups/new');
    await kama.settled(body.job_id);
    const shown = [
      await kama.data(`/api/telem/config_backups/detail/${body.record.id}`),
      await kama.get('/api/status'),
      await kama.data('/api/plugins/all'),
    ];
    expect(JSON.stringify(shown)).not.toContain('very-secret');
  });

  it('keeps preferences, and which events may be shared', async () => {
    const { body } = await kama.post('/api/status/telem-perms', { data: { upload_telem: true } });
    await kama.settled(body.job_id);
    expect(await kama.data('/api/status/telem-perms')).toEqual({ upload_telem: true });
  });

  it('keeps twenty copies at most; those that nobody asked for go first', async () => {
    const at = '/api/telem/config_backups';
    for (let count = 0; count < 21; count++)
      await kama.settled((await kama.post(`${at}/new`, { name: `n${count}` })).body.job_id);
    const kept = await kama.data(`${at}/index`);
    expect(kept).toHaveLength(20);
    expect(kept.every((each: { trigger: string }) => each.trigger === 'user')).toBe(true);
    const { body } = await kama.post('/api/telem/wipe', {});
    expect(body.data).toEqual(await kama.data('/api/telem/backends/available'));
    await kama.settled(body.job_id);
    expect(await kama.data(`${at}/index`)).toEqual([]);
    expect((await kama.post('/api/telem/wipe', {})).body.job_id).toBeNull();
  });
});
