import { type Db, recordChange } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import type { SetClusterAccess } from '@nm/kernel/contracts';
import { ownInstall } from './own-install.js';

/** setClusterAccess shuts the cluster proxy for one install, on every gateway and with all that is open, or opens it again. @throws Fault not_found */
export async function setClusterAccess(
  { db }: { readonly db: Db },
  principal: LicenseePrincipal,
  installId: string,
  { enabled }: SetClusterAccess,
): Promise<SetClusterAccess> {
  await db.withOrg(principal.orgId, async (tx) => {
    await ownInstall(tx, principal, installId);
    await tx.install.update({ where: { id: installId }, data: { clusterAccess: enabled } });
    await recordChange(tx, { kind: 'install', id: installId, orgId: principal.orgId });
  });
  return { enabled };
}
