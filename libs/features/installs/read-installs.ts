import type { LicenseePrincipal } from '@nm/features/access';
import type { Install, Page, PageQuery } from '@nm/kernel/contracts';
import type { InstallDeps } from './create-install.js';
import { findInstall, installView, versionsOf, withNames } from './install-row.js';

/** listInstalls gives the installs of the licensee's customer, oldest first, without those that were removed. */
export function listInstalls(
  { db }: Pick<InstallDeps, 'db'>,
  principal: LicenseePrincipal,
  { limit, cursor }: PageQuery,
): Promise<Page<Install>> {
  return db.withOrg(principal.orgId, async (tx) => {
    const rows = await tx.install.findMany({
      where: {
        licence: { customerId: principal.customerId },
        state: { not: 'removed' },
        ...(cursor ? { id: { gt: cursor } } : {}),
      },
      include: withNames,
      orderBy: { id: 'asc' },
      take: limit + 1,
    });
    const page = rows.slice(0, limit);
    const versions = await versionsOf(tx, page);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return {
      data: page.map((row) => installView(row, versions.get(row.versionId)?.name ?? '')),
      ...(last ? { nextCursor: last.id } : {}),
    };
  });
}

/** getInstall gives one, also when it was removed. @throws Fault not_found */
export const getInstall = (
  { db }: Pick<InstallDeps, 'db'>,
  principal: LicenseePrincipal,
  id: string,
): Promise<Install> =>
  db.withOrg(principal.orgId, async (tx) => {
    const row = await findInstall(tx, principal, id);
    return installView(row, (await versionsOf(tx, [row])).get(row.versionId)?.name ?? '');
  });
