import type { Tx } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import { type Install, RbacPolicy } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';

/** What a view of an install needs beside its row. */
export const withNames = {
  licence: { select: { customerId: true, app: { select: { slug: true } } } },
} as const;

const readOne = (tx: Tx, id: string, customerId: string) =>
  tx.install.findFirst({ where: { id, licence: { customerId } }, include: withNames });
export type InstallRow = NonNullable<Awaited<ReturnType<typeof readOne>>>;

/** findInstall reads an install of the licensee's own customer. @throws Fault not_found */
export async function findInstall(tx: Tx, principal: LicenseePrincipal, id: string): Promise<InstallRow> {
  const row = await readOne(tx, id, principal.customerId);
  if (!row) throw new Fault('not_found');
  return row;
}

/** versionsOf reads what the rows need of their versions, each once. */
export async function versionsOf(tx: Tx, rows: readonly { readonly versionId: string }[]) {
  const ids = [...new Set(rows.map((row) => row.versionId))];
  const versions = await tx.appVersion.findMany({
    where: { id: { in: ids } },
    select: { id: true, name: true, spec: true },
  });
  return new Map(versions.map((version) => [version.id, { name: version.name, policy: policyOf(version.spec) }]));
}

export const policyOf = (spec: unknown): RbacPolicy => RbacPolicy.parse((spec as { rbac?: unknown })?.rbac ?? {});

export const installView = (row: InstallRow, versionName: string): Install => ({
  id: row.id,
  app: row.licence.app.slug,
  version: versionName,
  licenceId: row.licenceId,
  clusterId: row.clusterId,
  namespace: row.namespace,
  state: row.state as Install['state'],
  clusterAccess: row.clusterAccess,
  ...(row.acceptedClusterRoles ? { acceptedClusterRoles: row.acceptedClusterRoles } : {}),
  ...(row.provisionRunId ? { provisionRunId: row.provisionRunId } : {}),
  createdAt: row.createdAt.toISOString(),
});
