import type { Db } from '@nm/adapters/db';
import { requireApp } from '@nm/features/apps';
import { type DecisionQuery, DecisionView, type OwnDecision, type Page } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';

interface DecisionRow {
  readonly id: string;
  readonly at: Date;
  readonly effect: string;
  readonly code: string;
  readonly ruleId: string | null;
  readonly ruleSetVersion: number | null;
  readonly weight: number;
  readonly installId: string | null;
  readonly requestId: string | null;
  readonly request: unknown;
  readonly facts: unknown;
}

const view = (row: DecisionRow): DecisionView =>
  DecisionView.parse({
    ...row,
    at: row.at.toISOString(),
    ruleId: row.ruleId ?? undefined,
    ruleSetVersion: row.ruleSetVersion ?? undefined,
    installId: row.installId ?? undefined,
    requestId: row.requestId ?? undefined,
  });

/** Newest first: ids sort by time. */
const conditionOf = ({ cursor, effect, code }: DecisionQuery) => ({
  ...(cursor === undefined ? {} : { id: { lt: cursor } }),
  ...(effect === undefined ? {} : { effect }),
  ...(code === undefined ? {} : { code }),
});

function pageOfDecisions<T>(
  rows: readonly DecisionRow[],
  { limit }: DecisionQuery,
  show: (row: DecisionRow) => T,
): Page<T> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { data: kept.map(show), ...(rows.length > limit && last ? { nextCursor: last.id } : {}) };
}

/** listDecisions explains to a publisher how requests of a licence were decided, and from what. @throws Fault not_found */
export async function listDecisions(
  db: Db,
  orgId: string,
  app: string,
  licenceId: string,
  query: DecisionQuery,
): Promise<Page<DecisionView>> {
  const rows = await db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    if (!(await tx.licence.findFirst({ where: { id: licenceId, appId }, select: { id: true } })))
      throw new Fault('not_found');
    const where = { licenceId, ...conditionOf(query) };
    return tx.decisionSample.findMany({ where, orderBy: { id: 'desc' }, take: query.limit + 1 });
  });
  return pageOfDecisions(rows, query, view);
}

/** listOwnDecisions tells a licensee what became of its requests; the publisher's rules and facts stay with the publisher. */
export async function listOwnDecisions(
  db: Db,
  { orgId, licenceId }: { readonly orgId: string; readonly licenceId: string },
  query: DecisionQuery,
): Promise<Page<OwnDecision>> {
  const where = { licenceId, ...conditionOf(query) };
  const rows = await db.withOrg(orgId, (tx) =>
    tx.decisionSample.findMany({ where, orderBy: { id: 'desc' }, take: query.limit + 1 }),
  );
  return pageOfDecisions(rows, query, (row) => {
    const { id, at, effect, code, weight, requestId, request } = view(row);
    const own = { id, at, effect, code, weight, request: { method: request.method, path: request.path } };
    return requestId === undefined ? own : { ...own, requestId };
  });
}
