import { newId } from '@nm/kernel/ids';
import type { TestDatabase } from '../../../libs/testing/test-database.js';

export interface OwnRows {
  readonly cluster: string;
  readonly install: string;
  readonly run: string;
  readonly versionId: string;
}

/** makeOwnRows writes, behind the API, a cluster, an install and a finished run of one licence. */
export async function makeOwnRows({ db }: TestDatabase, licenceId: string): Promise<OwnRows> {
  const [cluster, install, run] = [newId('cluster'), newId('install'), newId('run')];
  return db.asSystem(async (tx) => {
    const { orgId, appId, customerId } = await tx.licence.findUniqueOrThrow({ where: { id: licenceId } });
    const { id: versionId } = await tx.appVersion.findFirstOrThrow({ where: { appId, state: 'published' } });
    await tx.cluster.create({
      data: {
        id: cluster,
        orgId,
        customerId,
        name: 'production',
        server: 'https://127.0.0.1:1',
        credential: new Uint8Array(1),
        intake: { kept: [], refused: [] },
      },
    });
    await tx.install.create({
      data: {
        id: install,
        orgId,
        appId,
        versionId,
        licenceId,
        clusterId: cluster,
        namespace: 'guestbook',
        serviceAccount: 'nm-test',
        state: 'ready',
      },
    });
    await tx.run.create({
      data: {
        id: run,
        orgId,
        installId: install,
        licenceId,
        kind: 'action',
        action: 'install',
        title: 'Install',
        plan: { steps: [] },
        planDigest: 'sha256:0',
        status: 'positive',
        timeoutSeconds: 60,
      },
    });
    return { cluster, install, run, versionId };
  });
}
