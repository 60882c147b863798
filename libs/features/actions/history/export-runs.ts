import type { Db } from '@nm/adapters/db';
import type { RunFilter } from '@nm/kernel/contracts';
import { type RunScope, scopeFilter } from '../run-scope.js';
import { type RunRow, summaryOf } from '../run-view.js';
import { filterOf } from './run-filter.js';

const batch = 500;

const columns = [
  'id',
  'createdAt',
  'startedAt',
  'finishedAt',
  'status',
  'kind',
  'action',
  'title',
  'installId',
  'startedBy',
  'scheduleId',
  'errorCode',
  'errorReason',
] as const;

/**
 * exportRuns gives the runs that a filter finds, oldest first, as text: a JSON object a line (NDJSON), or CSV (RFC 4180) with a head. It reads
 * piece by piece and keeps no more than one.
 */
export async function* exportRuns(
  db: Db,
  scope: RunScope,
  filter: RunFilter,
  format: 'ndjson' | 'csv',
): AsyncGenerator<string> {
  if (format === 'csv') yield `${columns.join(',')}\r\n`;
  for (let after = ''; ; ) {
    const rows = await db.withOrg(scope.orgId, (tx) =>
      tx.run.findMany({
        where: { AND: [scopeFilter(scope), filterOf(filter), { id: { gt: after } }] },
        orderBy: { id: 'asc' },
        take: batch,
      }),
    );
    if (rows.length) yield rows.map(format === 'csv' ? csvLine : jsonLine).join('');
    const last = rows.at(-1);
    if (!last || rows.length < batch) return;
    after = last.id;
  }
}

const jsonLine = (row: RunRow): string =>
  `${JSON.stringify({ ...summaryOf(row), ...(row.error ? { error: row.error } : {}) })}\n`;

function csvLine(row: RunRow): string {
  const { code, reason } = (row.error ?? {}) as { code?: string; reason?: string };
  const record: Record<string, string | undefined> = { ...summaryOf(row), errorCode: code, errorReason: reason };
  return `${columns.map((column) => csvCell(record[column] ?? '')).join(',')}\r\n`;
}

/** A cell that begins like a formula would be calculated by a spreadsheet. */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
