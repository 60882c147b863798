import type { Session } from '@nm/kama-sdk';
import type { ProgressNode, RunError } from '@nm/kernel/contracts';
import type { Job } from '../installs/install-access.js';
import { jobOf } from './start-planned.js';
import type { Visit } from './visit.js';

type Options = NonNullable<RunError['remediation_options']>;
type Capture = Parameters<Session['upkeep']['remediations']>[0];

/** What the original called errors that ours tells apart by code: descriptors that were written for it match these. */
const olderTypes: Readonly<Record<string, string>> = {
  kube_api: 'kubectl_apply',
  cluster_forbidden: 'kubectl_apply',
  step_failed: 'preds_settle_failed',
};

/** capturesOf is an error of a run as descriptors match it: by our own word for it, and by the original's. */
export function capturesOf(error: RunError): Capture[] {
  const extras = { code: error.code, ...(error.object ? { resource_signature: signatureOf(error.object) } : {}) };
  const types = [error.type ?? error.code, olderTypes[error.code]].filter((type) => type !== undefined);
  return [...new Set(types)].map((type) => ({ fatal: error.fatal, type, reason: error.reason, logs: [], extras }));
}

/** `Deployment shop/web` or `deployment/web`, as the run engine names objects. */
function signatureOf(object: string): { kind: string; name: string } {
  const [kind = '', name = ''] = object.split(/[ /](?=[^ /]*$)/);
  return { kind: kind.split(/[ /]/)[0] ?? kind, name };
}

interface Failing<E> {
  readonly sub_items: readonly Failing<E>[];
  readonly error: E | null;
}

/** firstError is what a job failed by: the error of the first node that has one. */
export function firstError<E>(node: Failing<E> | null): E | undefined {
  if (!node) return undefined;
  for (const child of node.sub_items) {
    const found = firstError(child);
    if (found) return found;
  }
  return node.error ?? undefined;
}

async function withRemedies(node: ProgressNode, visit: Visit): Promise<ProgressNode> {
  const items: ProgressNode[] = [];
  for (const child of node.sub_items) items.push(await withRemedies(child, visit));
  if (!node.error || node.error.remediation_options) return { ...node, sub_items: items };
  const options: unknown[] = [];
  for (const capture of capturesOf(node.error)) options.push(...(await visit.session.upkeep.remediations(capture)));
  return { ...node, sub_items: items, error: { ...node.error, remediation_options: options as Options } };
}

/** jobWithRemedies gives a job; beside its errors stands what the app offers to do about them. @throws Fault not_found */
export async function jobWithRemedies(visit: Visit, id: string): Promise<Job> {
  const job = await jobOf(visit, id);
  if (job.status !== 'negative' || !job.progress) return job;
  return { ...job, progress: await withRemedies(job.progress, visit) };
}
