import type { Tx } from '@nm/adapters/db';

/**
 * lockInstall makes what decides over the order of an install's runs take turns, until the transaction ends: a run that ends and one that
 * is refused because of it would otherwise miss each other.
 */
export async function lockInstall(tx: Tx, installId: string): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${installId}, 7241))`;
}
