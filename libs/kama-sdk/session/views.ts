import { Fault } from '@nm/kernel/fault';
import { listResources, selectionOf } from '../models/resource-selection.js';
import { type ResourceMeta, resourceDetail, resourceMeta } from '../models/resource-views.js';
import {
  gridCell,
  type ResourceTable,
  resourceColumns,
  resourceFrames,
  tableFrames,
  type ViewGroupView,
  viewContainer,
  viewGroup,
} from '../models/view-specs.js';
import { type Meta, metaOf } from '../models/views-of-models.js';
import type { ModelView } from '../resolve/model-view.js';
import type { ServedResource } from '../resolve/ports.js';
import { ternaryStatus } from '../resolve/resource-facts.js';
import type { Dict } from '../values/dict.js';
import type { Desk } from './desk.js';

export interface ResourceCategoryView extends Meta {
  readonly resource_kinds: readonly unknown[];
}

export interface ColumnMeta extends Meta {
  readonly is_default_visible: boolean;
}

/** Views are the pages, tiles and tables of an app. */
export interface Views {
  /** `home` is the page `app.view-group.home`. @throws Fault not_found */
  group(id: string): Promise<ViewGroupView>;
  /** @param patch data that a client adds, read by `get::self>>…` */
  container(id: string, patch?: Dict): Promise<Dict>;
  frames(tableId: string, patch?: Dict): Promise<Dict[]>;
  cell(gridId: string, cellId: string, patch?: Dict): Promise<unknown>;
  columns(table: ResourceTable): Promise<ColumnMeta[]>;
  rows(table: ResourceTable): Promise<Dict[]>;
  /** categories are headings above kinds of objects. */
  categories(): Promise<ResourceCategoryView[]>;
  /** kinds lists what the cluster serves. */
  kinds(): Promise<readonly ServedResource[]>;
  /** metas lists objects of kinds. */
  metas(kinds: readonly string[]): Promise<ResourceMeta[]>;
  /** @throws Fault not_found */
  detail(kind: string, name: string): Promise<Dict>;
}

/** viewsOf gives the views of a session. */
export function viewsOf({ model, models, evaluation }: Desk): Views {
  const patched = (id: string, kind: string, patch: Dict = {}): ModelView => {
    const view = model(id, kind);
    view.give({ ...patch });
    return view;
  };
  const listed = async (kinds: readonly string[], name?: string): Promise<Dict[]> => {
    const around = model('sdk.resource-category.compute', 'ResourceCategory');
    const found: Dict[] = [];
    for (const kind of kinds) {
      const config = { res_kind: kind, ...(name === undefined ? {} : { res_name: name }) };
      const selector = await around.child(config, 'ResourceSelector');
      if (selector) found.push(...(await listResources(selector)));
    }
    return found;
  };
  const detail = async (kind: string, name: string): Promise<Dict> => {
    const [found] = await listed([kind], name);
    if (!found) throw new Fault('not_found', { public: `There is no ${kind} "${name}".` });
    const { cluster, budget, namespace } = evaluation.parts;
    const measured = await cluster?.metrics?.(
      namespace,
      budget.call(() => ({ descriptor: kind })),
    );
    return resourceDetail(found, hasPods(found) ? await listed(['Pod']) : [], measured ?? []);
  };
  const rowsOf = async (table: ResourceTable): Promise<Dict[]> => {
    const found = await listed(table.resource_kinds);
    const worst =
      table.problem_level === undefined ? found : found.filter((each) => isProblem(each, table.problem_level));
    return resourceFrames(await resourceColumns(models('ColumnSpec'), table), worst);
  };
  return {
    group: async (id) => viewGroup(model(id === 'home' ? 'app.view-group.home' : id, 'ViewGroup')),
    container: async (id, patch) => viewContainer(patched(id, 'ViewSpec', patch)),
    frames: async (id, patch) => framesOf(patched(id, 'TableViewSpec', patch), models),
    cell: async (id, cellId, patch) => gridCell(patched(id, 'GridViewSpec', patch), cellId),
    columns: async (table) => Promise.all((await resourceColumns(models('ColumnSpec'), table)).map(columnMeta)),
    rows: rowsOf,
    categories: () => Promise.all(models('ResourceCategory').map(categoryOf)),
    kinds: async () =>
      (await evaluation.parts.cluster?.kinds?.(evaluation.parts.budget.call(() => ({ descriptor: 'kinds' })))) ?? [],
    metas: async (kinds) => (await listed(kinds)).map(resourceMeta),
    detail,
  };
}

const hasPods = ({ kind }: Dict): boolean =>
  kind === 'Deployment' || kind === 'StatefulSet' || kind === 'DaemonSet' || kind === 'ReplicaSet';

const columnMeta = async (column: ModelView): Promise<ColumnMeta> => ({
  ...(await metaOf(column)),
  is_default_visible: (Number(await column.own('weight')) || 0) >= 0,
});

async function categoryOf(category: ModelView): Promise<ResourceCategoryView> {
  const named = await category.own('resources');
  return { ...(await metaOf(category)), resource_kinds: Array.isArray(named) ? (named as unknown[]) : [] };
}

/** A table of data of its own, or of what its resource selector selects. */
async function framesOf(table: ModelView, models: Desk['models']): Promise<Dict[]> {
  const selector = table.has('data') ? undefined : await table.childOf('resource_selector', 'ResourceSelector');
  if (!selector) return tableFrames(table);
  const { kinds } = await selectionOf(selector);
  const own = await table.childrenOf('column_specs', 'ColumnSpec');
  const columns = own.length > 0 ? own : await resourceColumns(models('ColumnSpec'), { resource_kinds: kinds });
  return resourceFrames(columns, await listResources(selector));
}

const isProblem = (resource: Dict, level: 'error' | 'warning' | undefined): boolean => {
  const status = ternaryStatus(resource);
  return status === 'negative' || (level === 'warning' && status === 'pending');
};
