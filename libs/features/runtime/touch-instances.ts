import type { Db } from '@nm/adapters/db';

/**
 * touchInstances keeps instances from being stopped as idle. Call it in batches for whatever had a request, or has one open,
 * at least every third of the shortest `idleSeconds`.
 */
export async function touchInstances(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.asSystem((tx) => tx.$executeRaw`UPDATE instance SET last_used_at = now() WHERE id = ANY(${[...ids]})`);
}
