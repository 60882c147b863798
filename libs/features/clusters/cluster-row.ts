import type { Tx } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import type { Cluster, CredentialInfo, RotationReport } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';

export type ClusterRow = NonNullable<Awaited<ReturnType<Tx['cluster']['findUnique']>>>;

/** clusterView is what a licensee may see of a cluster: never the credential. */
export const clusterView = (row: ClusterRow): Cluster => ({
  id: row.id,
  name: row.name,
  server: row.server,
  connection: row.connection as Cluster['connection'],
  credential: credentialOf(row),
  health: row.health as Cluster['health'],
  ...(row.healthMessage ? { healthMessage: row.healthMessage } : {}),
  ...(row.version ? { version: row.version } : {}),
  ...(row.checkedAt ? { checkedAt: row.checkedAt.toISOString() } : {}),
  createdAt: row.createdAt.toISOString(),
  intake: row.intake as Cluster['intake'],
});

const credentialOf = ({ credentialInfo, rotation }: ClusterRow): Cluster['credential'] => {
  const info = credentialInfo as Partial<CredentialInfo>;
  return {
    ...info,
    // Clusters of the time before this was noted down hold a credential of an unknown kind.
    kind: info.kind ?? 'token',
    ...(rotation ? { rotation: rotation as RotationReport } : {}),
  };
};

/** findCluster reads a cluster of the licensee's own customer; anybody else's is as absent as one that never was. @throws Fault not_found */
export async function findCluster(tx: Tx, principal: LicenseePrincipal, id: string): Promise<ClusterRow> {
  const row = await tx.cluster.findFirst({ where: { id, customerId: principal.customerId } });
  if (!row) throw new Fault('not_found');
  return row;
}
