import type { KubeJson } from '../kinds/kube-json.js';
import type { Resource } from '../kinds/resource.js';
import { objectPath } from '../transport/kube-paths.js';
import { candidateOf, dressed, meetsAll, refusedOf, settle, wrap } from './evaluate.js';
import { compile, type PlannedRead } from './plan.js';
import type { QueryState, Settled } from './query-state.js';

/** A column as the server describes it; those above priority 0 are for wide output. */
export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly priority: number;
  readonly description?: string;
}

/** Table is what `kubectl get` prints, made by the server (also for custom resources, by their printer columns). */
export interface Table {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly { readonly ns: string; readonly name: string; readonly cells: readonly unknown[] }[];
  /** Aligned, with a head line; the namespace comes first when there are several. */
  text(options?: { readonly wide?: boolean }): string;
}

/** meta.k8s.io/v1 Table. */
interface ServerTable {
  readonly kind?: string;
  readonly columnDefinitions?: readonly TableColumn[];
  readonly rows?: readonly { readonly cells: readonly unknown[]; readonly object: KubeJson }[] | null;
  readonly metadata?: { readonly continue?: string };
  /** Of a server that prints nothing: its plain answer. */
  readonly items?: readonly KubeJson[] | null;
}

const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const bytesMax = 512 * 1024 * 1024;

/** readTable lets the server print what a query chooses. Conditions that the server cannot judge are judged here, on the objects that come along. */
export async function readTable<R extends Resource>(state: QueryState<R>): Promise<Table> {
  const settled = await settle(state);
  const rows: Table['rows'][number][] = [];
  let columns: readonly TableColumn[] = [];
  const { limit = Infinity } = state;
  if (settled === null || limit === 0) return tableOf(columns, rows);
  const { reads, residue } = planOf(state, settled);
  const nowMs = state.kat.clock.nowMs();
  for (const read of reads) {
    for await (const page of pagesOf(state, read, residue.length > 0)) {
      columns = page.columnDefinitions ?? columns;
      for (const { cells, object } of page.rows ?? []) {
        const raw = dressed(object, state);
        const candidate = candidateOf(state, raw, nowMs, () => wrap(state, raw));
        if (!meetsAll(residue, candidate)) continue;
        rows.push({ ns: raw.metadata?.namespace ?? '', name: raw.metadata?.name ?? '', cells });
        if (rows.length >= limit) return tableOf(columns, rows);
      }
    }
  }
  return tableOf(columns, rows);
}

/** Objects that were chosen one by one are printed one by one. */
function planOf<R extends Resource>(state: QueryState<R>, { conditions, among }: Settled<R>) {
  const { facts } = state.kind;
  if (!among) return compile(facts, conditions, { refused: refusedOf(state), selective: false });
  const reads = among.map(
    ({ ns, name }): PlannedRead => ({ of: 'object', path: objectPath(facts, ns || undefined, name) }),
  );
  return { reads, residue: conditions };
}

async function* pagesOf<R extends Resource>(
  { kat, signal, pageSize }: QueryState<R>,
  read: PlannedRead,
  wantsObjects: boolean,
): AsyncGenerator<ServerTable> {
  let next: string | undefined;
  do {
    const query = {
      includeObject: wantsObjects ? 'Object' : 'Metadata',
      ...(read.of === 'list'
        ? { labelSelector: read.labelSelector, fieldSelector: read.fieldSelector, limit: pageSize, continue: next }
        : {}),
    };
    const page = await kat.session.request<ServerTable>('GET', read.path, {
      query,
      accept,
      signal,
      answerBytesMax: bytesMax,
    });
    yield page.kind === 'Table' ? page : plainTable(page);
    next = page.metadata?.continue || undefined;
  } while (next !== undefined);
}

/** An aggregated API may not print; names and times are always there. */
const plainTable = (answer: ServerTable): ServerTable => ({
  columnDefinitions: [
    { name: 'Name', type: 'string', priority: 0 },
    { name: 'Created At', type: 'date', priority: 0 },
  ],
  rows: (answer.items ?? [answer as KubeJson]).map((object) => ({
    cells: [object.metadata?.name, object.metadata?.creationTimestamp],
    object,
  })),
});

const gap = '   ';

const tableOf = (columns: readonly TableColumn[], rows: Table['rows']): Table => ({
  columns,
  rows,
  text: ({ wide = false } = {}) => {
    const shown = columns.flatMap(({ priority }, index) => (wide || priority === 0 ? [index] : []));
    const isSpread = new Set(rows.map(({ ns }) => ns)).size > 1;
    const lines = [
      [...(isSpread ? ['NAMESPACE'] : []), ...shown.map((index) => columns[index]?.name.toUpperCase() ?? '')],
      ...rows.map(({ ns, cells }) => [
        ...(isSpread ? [ns] : []),
        ...shown.map((index) => String(cells[index] ?? '<none>')),
      ]),
    ];
    const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
    return lines
      .map((line) =>
        line
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join(gap)
          .trimEnd(),
      )
      .join('\n');
  },
});
