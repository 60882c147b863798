import type { Db, Tx } from '@nm/adapters/db';
import {
  afterCursor,
  keyset,
  type Page,
  type ProgressNode,
  type Run,
  type RunEvent,
  type RunQuery,
  type RunSummary,
  toPage,
} from '@nm/kernel/contracts';
import { changesInBrief } from './changes/read-changes.js';
import { filterOf } from './history/run-filter.js';
import { queuePlace } from './queue-place.js';
import { isTerminal } from './run-rules.js';
import { findRun, type RunScope, scopeFilter } from './run-scope.js';
import { eventOf, type LogRow, linesOf, progressOf, runView, type StepRow, summaryOf } from './run-view.js';

const linesMax = 200;
/** Events of one read. */
export const eventsMax = 500;

/** readRun gives a run with its progress, its steps and its newest log lines. @throws Fault not_found */
export function readRun(db: Db, scope: RunScope, runId: string): Promise<Run> {
  return db.withOrg(scope.orgId, async (tx) => {
    const run = await findRun(tx, scope, runId);
    const [steps, logs] = await partsOf(tx, runId);
    const children = await childrenOf(tx, scope, runId, steps);
    const queue = await queuePlace(tx, run);
    return runView(run, { steps, logs, children, queue, changes: await changesInBrief(tx, runId) });
  });
}

async function partsOf(tx: Tx, runId: string): Promise<[StepRow[], LogRow[]]> {
  const steps = await tx.runStep.findMany({ where: { runId }, orderBy: { position: 'asc' } });
  const logs = await tx.runLog.findMany({
    where: { runId, kind: 'log' },
    orderBy: { seq: 'desc' },
    take: linesMax,
  });
  return [steps, logs.reverse()];
}

/** Progress of the runs that are steps of this one, and theirs: they are a few, and nested a few levels at most. */
async function childrenOf(
  tx: Tx,
  scope: RunScope,
  runId: string,
  steps: readonly StepRow[],
): Promise<Map<string, ProgressNode>> {
  const progress = new Map<string, ProgressNode>();
  if (!steps.some(({ kind, status }) => kind === 'run-action' && status !== 'idle')) return progress;
  const runs = await tx.run.findMany({ where: { ...scopeFilter(scope), parentId: runId } });
  for (const run of runs) {
    const [own, logs] = await partsOf(tx, run.id);
    progress.set(run.id, progressOf(run, own, logs.flatMap(linesOf), await childrenOf(tx, scope, run.id, own)));
  }
  return progress;
}

/** listRuns pages through those runs of the scope that the query looks for. */
export function listRuns(db: Db, scope: RunScope, query: RunQuery): Promise<Page<RunSummary>> {
  return db.withOrg(scope.orgId, async (tx) => {
    const newest = query.order === 'newest';
    const after = query.cursor !== undefined && newest ? { id: { lt: query.cursor } } : afterCursor(query);
    const rows = await tx.run.findMany({
      where: { AND: [scopeFilter(scope), filterOf(query), after] },
      ...keyset(query),
      ...(newest ? { orderBy: { id: 'desc' as const } } : {}),
    });
    return toPage(rows, query, summaryOf);
  });
}

export interface RunEvents {
  readonly events: readonly RunEvent[];
  /** Nothing will follow after these. */
  readonly ended: boolean;
}

/** runEvents reads on in a run's story after a number; a part of it when there is much. @throws Fault not_found */
export function runEvents(db: Db, scope: RunScope, runId: string, afterSeq: number): Promise<RunEvents> {
  return db.withOrg(scope.orgId, async (tx) => {
    // The run before its story: what ends in between is seen with the next call.
    const run = await findRun(tx, scope, runId);
    const rows = await tx.runLog.findMany({
      where: { runId, seq: { gt: afterSeq } },
      orderBy: { seq: 'asc' },
      take: eventsMax,
    });
    const newest = rows.at(-1)?.seq ?? afterSeq;
    return { events: rows.map(eventOf), ended: isTerminal(run.status as Run['status']) && newest >= run.nextSeq - 1 };
  });
}
