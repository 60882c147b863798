import type { LicenseePrincipal } from '@nm/features/access';
import { queueRun } from '@nm/features/actions';
import type { RemovedInstall } from '@nm/kernel/contracts';
import { Fault, invariant } from '@nm/kernel/fault';
import type { InstallDeps } from './create-install.js';
import { removalPlan } from './install-plans.js';
import { findInstall, installView, versionsOf } from './install-row.js';

const removalSeconds = 300;

/**
 * removeInstall queues the run that takes the install's identity off the cluster; the end of that run marks the install as removed.
 * Its KAMA is told to stop. A removal that is under way already is answered as it is.
 * @throws Fault not_found; conflict when it was removed before
 */
export function removeInstall(deps: InstallDeps, principal: LicenseePrincipal, id: string): Promise<RemovedInstall> {
  return deps.db.withOrg(principal.orgId, async (tx) => {
    const install = await findInstall(tx, principal, id);
    // Two requests at once: the second waits here and finds the first one's run.
    await tx.$queryRaw`SELECT id FROM install WHERE id = ${id} FOR UPDATE`;
    if (install.state === 'removed') throw new Fault('conflict', { public: 'This install was removed already.' });
    const version = (await versionsOf(tx, [install])).get(install.versionId);
    invariant(version, 'an install has a version');
    const view = installView(install, version.name);
    const known = await tx.run.findFirst({
      where: { installId: id, kind: 'remove', status: { in: ['queued', 'running'] } },
      select: { id: true },
    });
    if (known) return { ...view, removeRunId: known.id };
    await tx.instance.updateMany({ where: { installId: id }, data: { desired: 'stopped' } });
    const { orgId, licenceId, namespace, serviceAccount } = install;
    const run = await queueRun(
      tx,
      {
        ...{ orgId, installId: id, licenceId },
        kind: 'remove',
        action: 'remove',
        title: `Remove from ${namespace}`,
        plan: removalPlan({ installId: id, namespace, serviceAccount }, version.policy),
        timeoutSeconds: removalSeconds,
      },
      deps,
    );
    return { ...view, removeRunId: run.id };
  });
}
