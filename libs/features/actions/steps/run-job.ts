import { createHash } from 'node:crypto';
import { type KubeObject, objectPath, readinessOf } from '@nm/adapters/k8kat';
import type { KubeManifest, ObjectRef } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { manifestIssues, refOfManifest } from '../plan/plan-issue.js';
import { createOnce } from './create-once.js';
import { fencedWrite, stamp } from './fenced-write.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently, until } from './patience.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

const nameCharsMax = 50;
/** So many lines of each of so many pods are kept as the step's log. */
const logLines = 20;
const podsMax = 3;
/** A Job that has ended goes by itself, so that what came of it can be looked at for a day. */
const keepSeconds = 86_400;

/** Runs a Job to its end. The Job's name comes of the run and the step: done again, the step finds its Job and waits on. */
export const runJobKind: StepKindSpec<'run-job'> = {
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
      await patiently(context, () => startOnce(job, ref, context));
      return { objects: [{ ...ref, operation: 'created' }], ...(await untilEnded(step, ref, context)) };
    } catch (error) {
      throw aboutObject(error, ref);
    }
  },
};

function jobOf(manifest: KubeManifest, { run, position, namespace }: StepContext): KubeObject {
  const suffix = createHash('sha256').update(`${run.id}.${position}`).digest('hex').slice(0, 10);
  const spec = (manifest['spec'] ?? {}) as Record<string, unknown>;
  return {
    ...manifest,
    metadata: {
      namespace,
      ...manifest.metadata,
      name: `${manifest.metadata.name.slice(0, nameCharsMax)}-${suffix}`,
    },
    // One effect: unless its author says otherwise, a Job's pod is not started again after it failed.
    spec: { backoffLimit: 0, ttlSecondsAfterFinished: keepSeconds, ...spec },
  } as KubeObject;
}

/** A Job that is there already is ours: nobody else makes this name. */
async function startOnce(job: KubeObject, ref: ObjectRef, context: StepContext): Promise<void> {
  const { run } = context;
  await fencedWrite(ref, context, async (before) => {
    if (before) return undefined;
    const { annotations } = stamp(run, undefined);
    const metadata = { ...job.metadata, annotations: { ...job.metadata?.annotations, ...annotations } };
    const made = await createOnce({ ...job, metadata } as KubeObject, ref, context);
    await context.log(`${objectName(ref)} started`);
    return made;
  });
}

async function untilEnded(step: StepOf<'run-job'>, ref: ObjectRef, context: StepContext): Promise<object> {
  const { session, namespace, signal } = context;
  let last = 'not looked at yet';
  const look = async (): Promise<'ready' | 'failed' | undefined> => {
    const job = await session.get(ref, namespace, signal);
    const { state, reason } = job ? readinessOf(job) : { state: 'failed' as const, reason: 'was deleted' };
    if (reason !== last) await context.log(`${objectName(ref)}: ${reason}`);
    last = reason;
    return state === 'pending' ? undefined : state;
  };
  const state = await until(context, step.timeoutSeconds, look, () => `${objectName(ref)}: ${last}`);
  const lines = await podLines(ref, context);
  for (const line of lines) await context.log(line);
  if (state === 'ready') return { reason: last };
  throw new Fault('step_failed', { public: `${objectName(ref)}: ${last}`, extra: { reason: 'JobFailed' } });
}

/** Logs help to understand, and are not worth failing for. */
async function podLines(ref: ObjectRef, context: StepContext): Promise<string[]> {
  const { session, signal } = context;
  const namespace = ref.namespace ?? context.namespace;
  try {
    const current = await session.current();
    const labelSelector = `batch.kubernetes.io/job-name=${ref.name}`;
    const { items } = await current.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector, signal });
    const resource = await session.resourceFor('v1', 'Pod');
    const texts = items.slice(0, podsMax).map(async ({ metadata }) => {
      const path = `${objectPath(resource, namespace, metadata?.name ?? '')}/log`;
      const body = await current.stream(path, { query: { tailLines: logLines }, signal });
      return (await body.text()).split('\n').filter((line) => line !== '');
    });
    return (await Promise.all(texts)).flat();
  } catch (error) {
    signal.throwIfAborted();
    return [`(no logs: ${error instanceof Error ? error.message : 'unknown'})`];
  }
}
