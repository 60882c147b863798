import type { Db } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { announceRun } from './run-journal.js';

/**
 * pauseCluster lets no further run begin on a cluster of the licensee, whoever asks for it, or lets them begin again. What has begun goes on to its end.
 * @throws Fault not_found
 */
export async function pauseCluster(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  { orgId, customerId }: Pick<LicenseePrincipal, 'orgId' | 'customerId'>,
  clusterId: string,
  paused: boolean,
): Promise<void> {
  await db.withOrg(orgId, async (tx) => {
    const { count } = await tx.cluster.updateMany({
      where: { id: clusterId, orgId, customerId },
      data: { pausedAt: paused ? clock.now() : null },
    });
    if (count === 0) throw new Fault('not_found');
    if (paused) return;
    const waiting = await tx.run.findMany({
      where: { status: 'queued', install: { clusterId } },
      distinct: ['installId'],
      select: { id: true, orgId: true },
    });
    for (const run of waiting) await announceRun(tx, run);
  });
}
