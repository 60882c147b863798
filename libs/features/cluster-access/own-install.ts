import type { Tx } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import { Fault } from '@nm/kernel/fault';

/** ownInstall reads an install of the licensee's own customer; anybody else's is as absent as one that never was. @throws Fault not_found */
export async function ownInstall(tx: Tx, principal: LicenseePrincipal, id: string) {
  const row = await tx.install.findFirst({
    where: { id, licence: { customerId: principal.customerId } },
    select: { id: true, orgId: true, licenceId: true, clusterId: true, namespace: true, state: true },
  });
  if (!row) throw new Fault('not_found');
  return row;
}
