import { Fault, isFault } from '@nm/kernel/fault';
import type { ModelView } from '../resolve/model-view.js';
import type { KubeResource } from '../resolve/ports.js';
import { type Dict, isDict, ownOf } from '../values/dict.js';
import { kindWord } from './resource-selection.js';
import { type Meta, metaOf } from './views-of-models.js';

/** A page, as clients lay it out. */
export interface ViewGroupView extends Meta {
  readonly mode: unknown;
  readonly collection_metas: readonly (Meta & { readonly type: string })[];
}

const viewType = async (view: ModelView): Promise<string> =>
  view.isA('TableViewSpec') ? 'table' : String((await view.own('display')) ?? 'grid');

export async function viewGroup(group: ModelView): Promise<ViewGroupView> {
  const metas: (Meta & { type: string })[] = [];
  for (const view of await group.childrenOf('collection_specs', 'ViewSpec'))
    metas.push({ ...(await metaOf(view)), type: await viewType(view) });
  return { ...(await metaOf(group)), mode: (await group.own('mode')) ?? 'free', collection_metas: metas };
}

const columnsAttribute = (table: ModelView): string =>
  table.has('columns') && !table.has('column_specs') ? 'columns' : 'column_specs';

/** viewContainer is what is around the cells of a grid or the rows of a table. @throws Fault bad_request for another kind of view */
export async function viewContainer(view: ModelView): Promise<Dict> {
  const meta = { ...(await metaOf(view)), type: await viewType(view) };
  if (view.isA('TableViewSpec')) {
    const columns: Meta[] = [];
    for (const column of await view.childrenOf(columnsAttribute(view), 'ColumnSpec'))
      columns.push(await metaOf(column));
    return { ...meta, column_metas: columns };
  }
  if (!view.isA('GridViewSpec'))
    throw new Fault('bad_request', { public: `"${view.id ?? ''}" is neither a grid nor a table.` });
  const cells: Dict[] = [];
  for (const cell of await view.childrenOf('cell_specs', 'ViewSpec')) {
    const spec = cell.raw('spec');
    const size = (name: string): unknown => (isDict(spec) ? (ownOf(spec, name) ?? null) : null);
    cells.push({ ...(await metaOf(cell)), width: size('width'), height: size('height') });
  }
  return { ...meta, cell_spec_metas: cells };
}

/** renderView works a tile out; when that fails, what it says for this case. */
export async function renderView(view: ModelView): Promise<unknown> {
  try {
    return await view.own('spec', { depth: 48 });
  } catch (error) {
    if (isFault(error) && error.code === 'evaluation_limit') throw error;
    view.note('spec', error instanceof Error ? error.message : String(error));
    return (await view.own('fallback_spec', { depth: 48 })) ?? {};
  }
}

/** gridCell works out one cell of a grid. @throws Fault not_found */
export async function gridCell(grid: ModelView, cellId: string): Promise<unknown> {
  const cells = await grid.childrenOf('cell_specs', 'ViewSpec');
  const cell = cells.find(({ id }) => id === cellId);
  if (!cell) throw new Fault('not_found', { public: `The grid "${grid.id ?? ''}" has no cell "${cellId}".` });
  return renderView(cell);
}

/** columnCell works out what a column shows of an item. */
async function columnCell(column: ModelView, item: unknown): Promise<unknown> {
  const transformer = column.has('data_transformer')
    ? await column.childOf('data_transformer', 'Supplier', { given: { source: item } })
    : undefined;
  const given = { item: transformer ? await transformer.supply() : item };
  const spec = column.raw('view_spec');
  if (spec === undefined) {
    const view = await column.childOf('view_spec_model', 'ViewSpec', { given });
    return view ? renderView(view) : {};
  }
  const config = { kind: 'ViewSpec', spec };
  column.evaluation.bundle.sources.joined(config, column.config, config);
  const view = await column.child(config, 'ViewSpec', { given });
  return view ? renderView(view) : {};
}

async function frameOf(columns: readonly ModelView[], item: unknown): Promise<Dict> {
  const frame: [string, unknown][] = [];
  for (const column of columns)
    frame.push([(await column.text('key')) ?? column.id ?? '', await columnCell(column, item)]);
  return Object.fromEntries(frame);
}

/** tableFrames works out the rows of a table: of its `data`, one cell per column. */
export async function tableFrames(table: ModelView): Promise<Dict[]> {
  const columns = await table.childrenOf(columnsAttribute(table), 'ColumnSpec');
  const data = await table.attr('data');
  const frames: Dict[] = [];
  for (const item of Array.isArray(data) ? (data as unknown[]) : []) frames.push(await frameOf(columns, item));
  return frames;
}

/** ResourceTable says which columns of which kinds of objects. */
export interface ResourceTable {
  readonly resource_kinds: readonly string[];
  readonly col_ids?: readonly string[];
  readonly max_cols?: number;
  readonly problem_level?: 'error' | 'warning';
}

const columnsMaxDefault = 5;
const weightOf = async (column: ModelView): Promise<number> => Number((await column.own('weight')) ?? 0) || 0;

/** resourceColumns chooses columns that suit the kinds: all of those named, or the weightiest, in the order of their index. */
export async function resourceColumns(all: readonly ModelView[], table: ResourceTable): Promise<ModelView[]> {
  if (table.col_ids) {
    return table.col_ids.map((id) => {
      const column = all.find((each) => each.id === id);
      if (!column) throw new Fault('not_found', { public: `There is no column "${id}".` });
      return column;
    });
  }
  const wanted = new Set(table.resource_kinds.map(kindWord));
  const fitting: { column: ModelView; weight: number; index: number }[] = [];
  for (const column of all) {
    const kinds = await column.own('resource_kinds');
    const fits = kinds === '*' || (Array.isArray(kinds) && kinds.some((kind) => wanted.has(kindWord(String(kind)))));
    if (fits)
      fitting.push({ column, weight: await weightOf(column), index: Number((await column.own('index')) ?? 1_000) });
  }
  const kept = fitting
    .toSorted((left, right) => right.weight - left.weight)
    .slice(0, Math.max(1, table.max_cols ?? columnsMaxDefault));
  return kept.sort((left, right) => left.index - right.index).map(({ column }) => column);
}

/** resourceFrames works out the cells of objects, one row each. */
export async function resourceFrames(
  columns: readonly ModelView[],
  resources: readonly KubeResource[],
): Promise<Dict[]> {
  const frames: Dict[] = [];
  for (const resource of resources) frames.push(await frameOf(columns, resource));
  return frames;
}
