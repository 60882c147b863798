import type { Db } from '@nm/adapters/db';
import type { Orphan, Outage } from './disturbance.js';

/**
 * recoveriesOf tells for each run that lost its worker how long it took until one worked on it again, in milliseconds. While PostgreSQL is
 * away nothing can be claimed: that time does not count.
 */
export async function recoveriesOf(
  db: Db,
  orphans: readonly Orphan[],
  outages: readonly Outage[],
): Promise<readonly number[]> {
  const ids = [...new Set(orphans.map(({ runId }) => runId))];
  const rows = await db.asSystem((tx) =>
    tx.runLog.findMany({
      where: { runId: { in: ids }, kind: 'status' },
      orderBy: { seq: 'asc' },
      select: { runId: true, at: true, data: true },
    }),
  );
  const byRun = Map.groupBy(rows, ({ runId }) => runId);
  return orphans.flatMap(({ runId, atMs }) => {
    const next = (byRun.get(runId) ?? []).find(({ at }) => at.getTime() >= atMs);
    // One that had just been given back, or ended between the look and the kill, was no orphan.
    if (!next || (next.data as { status: string }).status !== 'running') return [];
    const claimedMs = next.at.getTime();
    return [Math.max(0, claimedMs - atMs - awayMs(outages, atMs, claimedMs))];
  });
}

const awayMs = (outages: readonly Outage[], fromMs: number, toMs: number): number =>
  outages
    .filter(({ what }) => what === 'postgres')
    .reduce((sum, outage) => sum + Math.max(0, Math.min(outage.toMs, toMs) - Math.max(outage.fromMs, fromMs)), 0);

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}
