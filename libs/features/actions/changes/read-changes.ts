import type { Db, Tx } from '@nm/adapters/db';
import {
  afterCursor,
  keyset,
  type ObjectRef,
  type Page,
  type PageQuery,
  type Run,
  type RunChange,
  toPage,
} from '@nm/kernel/contracts';
import { findRun, type RunScope } from '../run-scope.js';
import type { Diff } from './diff-objects.js';

type ChangeRow = NonNullable<Awaited<ReturnType<Tx['runChange']['findUnique']>>>;

const shownInBrief = 50;

/** listChanges pages through the objects that a run has changed, in the order in which it did. @throws Fault not_found */
export function listChanges(db: Db, scope: RunScope, runId: string, query: PageQuery): Promise<Page<RunChange>> {
  return db.withOrg(scope.orgId, async (tx) => {
    await findRun(tx, scope, runId);
    const rows = await tx.runChange.findMany({ where: { AND: [{ runId }, afterCursor(query)] }, ...keyset(query) });
    return toPage(rows, query, changeOf);
  });
}

/** changesInBrief counts what a run has changed, and names the first objects. */
export async function changesInBrief(tx: Tx, runId: string): Promise<Run['changes']> {
  const count = await tx.runChange.count({ where: { runId } });
  const rows =
    count === 0 ? [] : await tx.runChange.findMany({ where: { runId }, orderBy: { id: 'asc' }, take: shownInBrief });
  return { count, first: rows.map(changeOf).map(({ step, verb, object }) => ({ step, verb, object })) };
}

/** changesOfStep lists what one step of a run has changed, in the order in which it did. */
export const changesOfStep = async (tx: Tx, runId: string, position: number): Promise<RunChange[]> =>
  (await tx.runChange.findMany({ where: { runId, position }, orderBy: { id: 'asc' } })).map(changeOf);

function changeOf(row: ChangeRow): RunChange {
  const diff = row.diff as Diff | null;
  return {
    id: row.id,
    step: row.position,
    object: row.object as ObjectRef,
    verb: (row.verb as RunChange['verb'] | null) ?? 'unknown',
    ...(row.versionBefore === null ? {} : { versionBefore: row.versionBefore }),
    ...(row.versionAfter === null ? {} : { versionAfter: row.versionAfter }),
    ...(diff ? { fields: [...diff.fields] } : {}),
    truncated: diff?.truncated ?? false,
    at: row.at.toISOString(),
  };
}
