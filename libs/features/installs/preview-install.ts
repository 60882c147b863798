import { hash } from 'node:crypto';
import type { Db } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import type { InstallPreview, PreviewInstall, RbacPolicy } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { policyOf } from './install-row.js';
import { stableVersion } from './stable-version.js';

/** previewInstall shows what an install would be given on a cluster, rule by rule, and changes nothing. @throws Fault not_found, no_published_version */
export function previewInstall(
  { db }: { readonly db: Db },
  principal: LicenseePrincipal,
  { clusterId, namespace }: PreviewInstall,
): Promise<InstallPreview> {
  return db.withOrg(principal.orgId, async (tx) => {
    const cluster = await tx.cluster.findFirst({
      where: { id: clusterId, customerId: principal.customerId },
      select: { id: true },
    });
    if (!cluster) throw new Fault('not_found');
    const version = await stableVersion(tx, principal.appId);
    const policy = policyOf(version.spec);
    const digest = clusterRolesDigest(policy);
    const { roles, clusterRoles } = policy;
    const accept = digest === undefined ? {} : { acceptClusterRoles: digest };
    return { version: version.name, clusterId, namespace, roles, clusterRoles, ...accept };
  });
}

/** clusterRolesDigest stands for exactly these cluster-wide rules; undefined when there are none. */
export const clusterRolesDigest = ({ clusterRoles }: RbacPolicy): string | undefined =>
  clusterRoles.length === 0 ? undefined : `sha256:${hash('sha256', JSON.stringify(clusterRoles), 'hex')}`;

/** requireAccepted lets pass only what the licensee has seen and accepted; the version may have changed since. @throws Fault cluster_roles_not_accepted */
export function requireAccepted(policy: RbacPolicy, accepted: string | undefined): void {
  const digest = clusterRolesDigest(policy);
  if (digest === undefined || digest === accepted) return;
  const { clusterRoles } = policy;
  throw new Fault('cluster_roles_not_accepted', { extra: { clusterRoles, acceptClusterRoles: digest } });
}
