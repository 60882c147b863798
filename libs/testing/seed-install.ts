import type { Db } from '@nm/adapters/db';
import type { InstallPrincipal } from '@nm/features/access';
import { newId } from '@nm/kernel/ids';
import { seedLicensee } from './seed-licensee.js';

const rbac = { roles: [], clusterRoles: [] };

/** seedInstall writes a licensee with a cluster that nobody can reach and a ready install on it, and gives the install's own principal. */
export async function seedInstall(db: Db): Promise<InstallPrincipal> {
  const licensee = await seedLicensee(db, { rbac });
  const { orgId, appId, licenceId, customerId } = licensee;
  const [clusterId, installId, namespace] = [newId('cluster'), newId('install'), 'shop'];
  const versionId = await db.asSystem(async (tx) => {
    const version = await tx.appVersion.findFirstOrThrow({ where: { appId } });
    await tx.cluster.create({
      data: { id: clusterId, orgId, customerId, name: 'c', server: 'https://127.0.0.1:1', intake: {} },
    });
    await tx.install.create({
      data: {
        ...{ id: installId, orgId, appId, versionId: version.id, licenceId, clusterId, namespace },
        serviceAccount: 'nm-x',
        state: 'ready',
      },
    });
    return version.id;
  });
  return { kind: 'install', orgId, appId, versionId, licenceId, installId, clusterId, namespace, mode: 'full' };
}
