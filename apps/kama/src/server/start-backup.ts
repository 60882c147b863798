import { Fault } from '@nm/kernel/fault';
import { backupStores, backupView, newBackup, withoutBackups } from '../installs/backups.js';
import { mustWrite, type Visit } from './visit.js';

/** startBackup has a run keep a copy of the Kamafile. @throws Fault licence_read_only, conflict when there is nothing to copy or no place for it */
export async function startBackup(visit: Visit, name: string) {
  mustWrite(visit);
  const { install, clock } = visit;
  const kept = await install.kamafile.kept();
  const backup = kept && newBackup(kept, { trigger: 'user', name }, clock);
  if (!backup)
    throw new Fault('conflict', {
      public: kept
        ? 'There is nothing to copy yet, or it is too large.'
        : 'The Role of this install does not let backups be kept (ConfigMap "kamafile-backups").',
    });
  const title = 'Back up the Kamafile';
  const job = await install.runs.start({ action: 'sdk.action.create_backup', title, plan: { steps: backup.steps } });
  return { status: 'running', record: backupView(backup.record), job_id: job };
}

/** startWipe has a run delete every copy of the Kamafile, and gives where copies are kept. @throws Fault licence_read_only */
export async function startWipe(visit: Visit) {
  mustWrite(visit);
  const { install } = visit;
  const steps = withoutBackups((await install.kamafile.kept())?.backups);
  if (steps === undefined) return { data: backupStores, job_id: null };
  const title = 'Delete all backups';
  return {
    data: backupStores,
    job_id: await install.runs.start({ action: 'sdk.action.wipe', title, plan: { steps } }),
  };
}
