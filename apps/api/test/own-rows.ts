import { newId } from '@nm/kernel/ids';
import type { TestDatabase } from '../../../libs/testing/test-database.js';

export interface OwnRows {
  readonly cluster: string;
  readonly install: string;
  readonly run: string;
  readonly schedule: string;
  readonly window: string;
  readonly versionId: string;
  readonly token: string;
}

/** makeOwnRows writes, behind the API, a cluster, an install and a finished run of one licence. */
export async function makeOwnRows({ db }: TestDatabase, licenceId: string): Promise<OwnRows> {
  const [cluster, install, run] = [newId('cluster'), newId('install'), newId('run')];
  const [schedule, window] = [newId('schedule'), newId('window')];
  const token = newId('installToken');
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
    const at = { cron: '0 3 * * *', timeZone: 'UTC' };
    await tx.runSchedule.create({
      data: {
        ...{ id: schedule, orgId, installId: install, licenceId, title: 'Nightly', action: 'backup', ...at },
        plan: { steps: [{ kind: 'approval', title: 'Ask', message: 'Go?', timeoutSeconds: 60 }] },
        ...{ timeoutSeconds: 60, missed: 'skip', createdBy: licenceId },
      },
    });
    await tx.maintenanceWindow.create({
      data: { id: window, orgId, customerId, clusterId: cluster, title: 'Always', ...at, durationMinutes: 10_080 },
    });
    const times = { createdAt: new Date(), expiresAt: new Date(Date.now() + 3_600_000) };
    await tx.installToken.create({
      data: {
        id: token,
        orgId,
        installId: install,
        licenceId,
        name: 'mine',
        mode: 'full',
        createdBy: licenceId,
        ...times,
      },
    });
    return { cluster, install, run, schedule, window, versionId, token };
  });
}
