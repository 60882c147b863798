import type { PlannedAction } from '@nm/kama-sdk';
import type { Job } from '../installs/install-access.js';
import { newOperationToken } from './new-operation-token.js';
import { mustWrite, type Visit } from './visit.js';

/** A job without work on the cluster is kept so long. */
const prefix = 'done-';
const nameOf = (id: string): string => `job.${id}`;

/**
 * startPlanned gives the id of the job that carries an action out: a run, when there is something to do on the cluster; else the outcome is known
 * already (checks, refusals), and is kept for whoever polls it. @throws Fault licence_read_only for a run
 */
export async function startPlanned(
  visit: Visit,
  { status, id, title, plan, progress }: PlannedAction,
): Promise<string> {
  const { install } = visit;
  if (status === 'ready' && plan) {
    mustWrite(visit);
    return install.runs.start({ action: id, title, plan });
  }
  const job = `${prefix}${newOperationToken()}`;
  await install.documents.write(nameOf(job), {
    status: status === 'negative' ? 'negative' : 'positive',
    progress,
    result: null,
  });
  return job;
}

/** jobOf gives a job by its id, a run or an outcome that was kept. @throws Fault not_found */
export async function jobOf({ install }: Visit, id: string): Promise<Job> {
  if (!id.startsWith(prefix)) return install.runs.job(id);
  return (await install.documents.read(nameOf(id))).value as unknown as Job;
}
