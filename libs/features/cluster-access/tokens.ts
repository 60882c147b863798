import type { Db, Tx } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import type { InstallToken, Page, PageQuery } from '@nm/kernel/contracts';
import { ownInstall } from './own-install.js';

type Row = NonNullable<Awaited<ReturnType<Tx['installToken']['findFirst']>>>;

/** tokenView is what is known of a token; nobody keeps its text. */
export const tokenView = (row: Row): InstallToken => ({
  id: row.id,
  name: row.name,
  mode: row.mode as InstallToken['mode'],
  ...(row.instanceId === null ? {} : { instanceId: row.instanceId }),
  createdBy: row.createdBy,
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt.toISOString(),
  ...(row.revokedAt ? { revokedAt: row.revokedAt.toISOString() } : {}),
});

/** listInstallTokens gives the tokens of an install, the newest first, also those that have ended. @throws Fault not_found */
export async function listInstallTokens(
  { db }: { readonly db: Db },
  principal: LicenseePrincipal,
  installId: string,
  { limit, cursor }: PageQuery,
): Promise<Page<InstallToken>> {
  const rows = await db.withOrg(principal.orgId, async (tx) => {
    await ownInstall(tx, principal, installId);
    const where = { installId, ...(cursor === undefined ? {} : { id: { lt: cursor } }) };
    return tx.installToken.findMany({ where, orderBy: { id: 'desc' }, take: limit + 1 });
  });
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { data: rows.slice(0, limit).map(tokenView), ...(last ? { nextCursor: last.id } : {}) };
}
