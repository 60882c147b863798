import { type KubeObject, readinessOf } from '@nm/adapters/k8kat';
import type { KubeManifest, ObjectRef } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { manifestIssues, refOfManifest } from '../plan/plan-issue.js';
import { abandonJob, failuresOf, nameOfJob, podLines, startJob } from './job-work.js';
import { aboutObject, objectName } from './object-name.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';
import { lastOf, untilSettled } from './until-settled.js';

/** A Job that has ended goes by itself, so that what came of it can be looked at for a day. */
const keepSeconds = 86_400;

/** Runs a Job to its end. The Job's name comes of the run and the step: done again, the step finds its Job and waits on. */
export const runJobKind: StepKindSpec<'run-job'> = {
  preview: 'dry-run',
  check: ({ manifest }, path) => [
    ...manifestIssues(manifest, `${path}.manifest`),
    ...(manifest.apiVersion === 'batch/v1' && manifest.kind === 'Job'
      ? []
      : [{ path: `${path}.manifest.kind`, message: 'not a Job of batch/v1' }]),
  ],
  needs: async ({ manifest }, needs) => {
    await needs.object({ ...refOfManifest(manifest), name: '' }, ['get', 'create', 'patch']);
    needs.question({ verb: 'list', group: '', resource: 'pods' });
    needs.question({ verb: 'get', group: '', resource: 'pods/log' });
  },
  execute: async (step, context) => {
    const job = jobOf(step.manifest, context);
    const ref = refOfManifest(job as KubeManifest);
    try {
      const noted = await startJob(job, false, context);
      if (context.dry) return {};
      return { objects: [{ ...ref, operation: 'created' }], ...(await untilEnded(step, ref, { ...context, noted })) };
    } catch (error) {
      throw aboutObject(error, ref);
    }
  },
  abandon: (step, context) => abandonJob(refOfManifest(jobOf(step.manifest, context) as KubeManifest), context),
};

function jobOf(manifest: KubeManifest, context: StepContext): KubeObject {
  const spec = (manifest['spec'] ?? {}) as Record<string, unknown>;
  return {
    ...manifest,
    metadata: {
      namespace: context.namespace,
      ...manifest.metadata,
      name: nameOfJob(manifest.metadata.name, context),
    },
    // One effect: unless its author says otherwise, a Job's pod is not started again after it failed.
    spec: { backoffLimit: 0, ttlSecondsAfterFinished: keepSeconds, ...spec },
  } as KubeObject;
}

async function untilEnded(step: StepOf<'run-job'>, ref: ObjectRef, context: StepContext): Promise<object> {
  const { session, namespace, signal } = context;
  let last = lastOf(context.noted);
  const look = async (): Promise<'ready' | 'failed' | undefined> => {
    const job = await session.get(ref, namespace, signal);
    const { state, reason } = job ? readinessOf(job) : { state: 'failed' as const, reason: 'was deleted' };
    if (reason !== last) await context.log(`${objectName(ref)}: ${reason}`);
    last = reason;
    return state === 'pending' ? undefined : state;
  };
  const state = await untilSettled(context, {
    ...{ look, late: () => `${objectName(ref)}: ${last}`, state: () => ({ last }) },
    ...{ timeoutSeconds: step.timeoutSeconds, forWhat: `${objectName(ref)} to end` },
  });
  const lines = await podLines(ref, context);
  for (const line of lines) await context.log(line);
  if (state === 'ready') return { reason: last };
  // Tried again, the step makes another Job.
  await context.note({ failed: failuresOf(context.noted) + 1 });
  throw new Fault('step_failed', { public: `${objectName(ref)}: ${last}`, extra: { reason: 'JobFailed' } });
}
