import { describe, expect, it } from 'vitest';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { openSession } from '../session/session.js';
import { aCluster, files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';

const bundle = loadBundle(
  files(`
kind: ViewGroup
id: app.view-group.home
title: Home
collection_specs: [id::app.grid, id::app.table]
---
kind: GridViewSpec
id: app.grid
cell_specs:
  - { id: hello, spec: { type: Text, width: 2, text: "in \${get::ns} for \${get::self>>who}" } }
  - { id: broken, spec: { type: Text, text: { kind: HttpDataSupplier, endpoint: "https://a.test" } }, fallback_spec: { type: Text, text: sorry } }
---
kind: TableViewSpec
id: app.table
data: [{ name: a, n: 1 }, { name: b, n: 2 }]
column_specs:
  - { id: name, title: Name, view_spec: { type: Text, text: "get::self>>item->.name" } }
  - { id: twice, title: Twice, data_transformer: { kind: SumSupplier, source: [1] }, view_spec: { type: Text, text: "get::self>>item" } }
`),
);
const pod = (name: string, phase: string) => ({
  kind: 'Pod',
  metadata: { name, namespace: 'shop' },
  status: { phase },
});
const open = () =>
  openSession(bundle, {
    kamafile: aKamafile(),
    namespace: 'shop',
    cluster: aCluster([pod('good', 'Running'), pod('bad', 'Failed')]),
    budget: { timeMs: 60_000 },
  }).views;

describe('views', () => {
  it('make pages of grids and tables', async () => {
    expect(await open().group('home')).toEqual({
      id: 'app.view-group.home',
      title: 'Home',
      info: null,
      mode: 'free',
      collection_metas: [
        { id: 'app.grid', title: null, info: null, type: 'grid' },
        { id: 'app.table', title: null, info: null, type: 'table' },
      ],
    });
    expect(await open().container('app.grid')).toMatchObject({
      cell_spec_metas: [{ id: 'hello', width: 2, height: null }, { id: 'broken' }],
    });
    expect(await open().container('app.table')).toMatchObject({
      type: 'table',
      column_metas: [{ id: 'name', title: 'Name' }, { id: 'twice' }],
    });
  });

  it('work cells out with what the client adds, and fall back when they fail', async () => {
    expect(await open().cell('app.grid', 'hello', { who: 'get::ns' })).toEqual({
      type: 'Text',
      width: 2,
      text: 'in shop for get::ns',
    });
    expect(await open().cell('app.grid', 'broken')).toEqual({ type: 'Text', text: 'sorry' });
    await expect(open().cell('app.grid', 'nope')).rejects.toMatchObject({ code: 'not_found' });
    await expect(open().group('nope')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('work the rows of a table out, column by column', async () => {
    expect(await open().frames('app.table')).toMatchObject([
      { name: { text: 'a' }, twice: { type: 'Text' } },
      { name: { text: 'b' } },
    ]);
  });

  it('show objects of the cluster, the weightiest columns first to stay', async () => {
    const columns = await open().columns({ resource_kinds: ['Pod'], max_cols: 2 });
    expect(columns.map(({ title }) => title).sort()).toEqual(['Name', 'Status']);
    const rows = await open().rows({ resource_kinds: ['Pod'], max_cols: 2, problem_level: 'error' });
    expect(rows).toEqual([
      {
        'sdk.column_spec.resources.name': { type: 'Text', text: 'bad', style: ['bold'] },
        'sdk.column_spec.resources.status': { type: 'CleanStatus', status: 'negative' },
      },
    ]);
  });
});
