import { Fault } from '@nm/kernel/fault';
import { listResources } from '../models/resource-selection.js';
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
import { ternaryStatus } from '../resolve/resource-facts.js';
import type { Dict } from '../values/dict.js';

/** Views are the pages, tiles and tables of an app. */
export interface Views {
  /** `home` is the page `app.view-group.home`. @throws Fault not_found */
  group(id: string): Promise<ViewGroupView>;
  /** @param patch data that a client adds, read by `get::self>>…` */
  container(id: string, patch?: Dict): Promise<Dict>;
  frames(tableId: string, patch?: Dict): Promise<Dict[]>;
  cell(gridId: string, cellId: string, patch?: Dict): Promise<unknown>;
  columns(table: ResourceTable): Promise<Meta[]>;
  rows(table: ResourceTable): Promise<Dict[]>;
}

/** viewsOf gives the views of a session. */
export function viewsOf(model: (id: string, kind: string) => ModelView, models: (kind: string) => ModelView[]): Views {
  const patched = (id: string, kind: string, patch: Dict = {}): ModelView => {
    const view = model(id, kind);
    view.give({ ...patch });
    return view;
  };
  const rowsOf = async (table: ResourceTable): Promise<Dict[]> => {
    const [anything] = models('ResourceCategory');
    if (!anything) throw new Fault('not_found');
    const found: Dict[] = [];
    for (const kind of table.resource_kinds) {
      const selector = await anything.child({ res_kind: kind }, 'ResourceSelector');
      if (selector) found.push(...(await listResources(selector)));
    }
    const worst =
      table.problem_level === undefined ? found : found.filter((each) => isProblem(each, table.problem_level));
    return resourceFrames(await resourceColumns(models('ColumnSpec'), table), worst);
  };
  return {
    group: async (id) => viewGroup(model(id === 'home' ? 'app.view-group.home' : id, 'ViewGroup')),
    container: async (id, patch) => viewContainer(patched(id, 'ViewSpec', patch)),
    frames: async (id, patch) => tableFrames(patched(id, 'TableViewSpec', patch)),
    cell: async (id, cellId, patch) => gridCell(patched(id, 'GridViewSpec', patch), cellId),
    columns: async (table) => Promise.all((await resourceColumns(models('ColumnSpec'), table)).map(metaOf)),
    rows: rowsOf,
  };
}

const isProblem = (resource: Dict, level: 'error' | 'warning' | undefined): boolean => {
  const status = ternaryStatus(resource);
  return status === 'negative' || (level === 'warning' && status === 'pending');
};
