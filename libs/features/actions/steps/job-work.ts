import { createHash } from 'node:crypto';
import { isKubeStatus, type KubeObject, objectPath } from '@nm/adapters/k8kat';
import type { KubeManifest, ObjectRef } from '@nm/kernel/contracts';
import { Fault, hasCode } from '@nm/kernel/fault';
import { z } from 'zod';
import { refOfManifest } from '../plan/plan-issue.js';
import { atMostOnce, isBegun } from './at-most-once.js';
import { createOnce } from './create-once.js';
import { fencedWrite, stamp } from './fenced-write.js';
import { objectName } from './object-name.js';
import { patiently } from './patience.js';
import { recordedDelete } from './recorded-delete.js';
import type { StepContext } from './step-context.js';

const nameCharsMax = 50;
/** So many lines of each of so many pods are kept as the step's log. */
const logLines = 20;
const podsMax = 3;
/** So long a cancelled step tries to take its Job away, in milliseconds; the Job's own deadline does it otherwise. */
const removeMsMax = 1_000;

/** What is kept of a Job that was made: its uid, and how many earlier ones of this step have failed. */
const JobNote = z.object({ job: z.string().optional(), failed: z.number().int().default(0) });

/** failuresOf counts the Jobs of this step that have failed; each attempt gets a name of its own. */
export const failuresOf = (noted: unknown): number => JobNote.safeParse(noted).data?.failed ?? 0;

/** nameOfJob comes of the run, the step and the attempt: nobody else makes it. */
export function nameOfJob(base: string, { run, position, noted }: StepContext): string {
  const suffix = createHash('sha256')
    .update(`${run.id}.${position}.${failuresOf(noted)}`)
    .digest('hex')
    .slice(0, 10);
  return `${base.slice(0, nameCharsMax)}-${suffix}`;
}

/**
 * startJob makes the Job, once: one of this name that is there already is ours. One that was made, and is not there any more, is not made again.
 * @param repeatable its author says that running it twice does no harm
 * @throws Fault step_unknown
 */
export async function startJob(
  job: KubeObject,
  repeatable: boolean | undefined,
  context: StepContext,
): Promise<ObjectRef> {
  const ref = refOfManifest(job as KubeManifest);
  const wasMade = isBegun(context.noted) || JobNote.safeParse(context.noted).data?.job !== undefined;
  if (wasMade) {
    const there = await patiently(context, () => context.session.get(ref, context.namespace, context.signal));
    if (there) return ref;
    if (!repeatable)
      throw new Fault('step_unknown', {
        public: `${objectName(ref)} was begun and is gone; nobody can say how it ended.`,
      });
  }
  const keep = { failed: failuresOf(context.noted) };
  const again = { ...context, noted: undefined };
  const work = (leave: () => void) => patiently(again, () => create(job, ref, leave, again));
  const made = await atMostOnce(again, work, { keep });
  await context.note({ ...keep, job: made });
  return ref;
}

/** A create that is sent again finds what the first one made. */
async function create(job: KubeObject, ref: ObjectRef, leave: () => void, context: StepContext): Promise<string> {
  const { after } = await fencedWrite(ref, context, async (before) => {
    if (before) return undefined;
    const { annotations } = stamp(context.run, undefined);
    const metadata = { ...job.metadata, annotations: { ...job.metadata?.annotations, ...annotations } };
    leave();
    const made = await createOnce({ ...job, metadata } as KubeObject, ref, context);
    await context.log(`${objectName(ref)} started`);
    return made;
  });
  return after.metadata?.uid ?? '';
}

/** removeJob takes the Job and its pods away; a Job that is gone, or is another by now, is no fault. */
export async function removeJob(ref: ObjectRef, uid: string, context: StepContext): Promise<void> {
  await patiently(context, async () => {
    try {
      await recordedDelete(ref, uid, context);
    } catch (error) {
      if (!isKubeStatus(error, 409)) throw error;
    }
  });
}

/** removeWhenStopped takes a Job away whose step was cancelled or is out of time. Whoever has lost the run leaves it to who goes on. */
export async function removeWhenStopped(ref: ObjectRef, context: StepContext): Promise<void> {
  const { signal, session, namespace } = context;
  const reason: unknown = signal.reason;
  if (!signal.aborted || !(hasCode(reason, 'run_cancelled') || hasCode(reason, 'run_timeout'))) return;
  await session.delete(ref, namespace, { signal: AbortSignal.timeout(removeMsMax) }).catch(() => undefined);
}

/** podsOfJob lists the pods that a Job has made. */
export async function podsOfJob(ref: ObjectRef, context: StepContext): Promise<readonly KubeObject[]> {
  const current = await context.session.current();
  const namespace = ref.namespace ?? context.namespace;
  const labelSelector = `batch.kubernetes.io/job-name=${ref.name}`;
  const pods = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector, signal: context.signal };
  return (await patiently(context, () => current.list(pods))).items;
}

/** podLines reads the last lines of a Job's pods. Logs help to understand, and are not worth failing for. */
export async function podLines(ref: ObjectRef, context: StepContext): Promise<string[]> {
  const { session, signal } = context;
  const namespace = ref.namespace ?? context.namespace;
  try {
    const current = await session.current();
    const pods = await podsOfJob(ref, context);
    const resource = await session.resourceFor('v1', 'Pod');
    const texts = pods.slice(0, podsMax).map(async ({ metadata }) => {
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
