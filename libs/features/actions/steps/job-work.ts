import { createHash } from 'node:crypto';
import { isKubeStatus, type KubeObject, objectPath } from '@nm/adapters/k8kat';
import type { KubeManifest, ObjectRef } from '@nm/kernel/contracts';
import { Fault, hasCode } from '@nm/kernel/fault';
import { z } from 'zod';
import { refOfManifest } from '../plan/plan-issue.js';
import { atMostOnce, isBegun } from './at-most-once.js';
import { createOnce } from './create-once.js';
import { fencedWrite, runAnnotation, stamp } from './fenced-write.js';
import { objectName } from './object-name.js';
import { patiently } from './patience.js';
import { recordedDelete } from './recorded-delete.js';
import type { StepContext } from './step-context.js';

const nameCharsMax = 50;
/** So many lines of each of so many pods are kept as the step's log. */
const logLines = 20;
const podsMax = 3;
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
 * startJob makes the Job, once: done again, the step finds its own Job, by the name and by what was kept of it. One that was made, and is not there any more, is not made again.
 * @param repeatable its author says that running it twice does no harm
 * @returns what the step keeps of it from now on
 * @throws Fault step_unknown
 */
export async function startJob(
  job: KubeObject,
  repeatable: boolean | undefined,
  context: StepContext,
): Promise<unknown> {
  const ref = refOfManifest(job as KubeManifest);
  if (wasMade(context.noted)) {
    const there = await patiently(context, () => context.session.get(ref, context.namespace, context.signal));
    if (there && isOwn(there, context)) return keepFound(there, context);
    if (!repeatable)
      throw new Fault('step_unknown', {
        public: `${objectName(ref)} was begun and is gone; nobody can say how it ended.`,
      });
  }
  const keep = { failed: failuresOf(context.noted) };
  const again = { ...context, noted: undefined };
  const work = (leave: () => void) => patiently(again, () => create(job, ref, leave, again));
  const made = await atMostOnce(again, work, { keep }).catch((error: unknown) => madeAfterAll(ref, again, error));
  const noted = { ...keep, job: made };
  await context.note(noted);
  return noted;
}

/** Something failed after the creation was sent, the store perhaps: a Job that is there is no doubt. @throws the error when it is not there */
async function madeAfterAll(ref: ObjectRef, context: StepContext, error: unknown): Promise<string> {
  if (!hasCode(error, 'step_unknown')) throw error;
  const there = await patiently(context, () => context.session.get(ref, context.namespace, context.signal));
  if (!there || !isOwn(there, context)) throw error;
  return there.metadata?.uid ?? '';
}

/** Cut off in the creation, the step did not know yet what it had made. */
async function keepFound({ metadata }: KubeObject, { noted, note }: StepContext): Promise<unknown> {
  if (uidOf(noted) !== undefined) return noted;
  const found = { failed: failuresOf(noted), job: metadata?.uid };
  await note(found);
  return found;
}

const uidOf = (noted: unknown): string | undefined => JobNote.safeParse(noted).data?.job;
const wasMade = (noted: unknown): boolean => isBegun(noted) || uidOf(noted) !== undefined;

/** Somebody may have made another Job of that name since. Cut off in its creation, the step knows its Job by the stamp of the run. */
const isOwn = ({ metadata }: KubeObject, { noted, run }: StepContext): boolean =>
  uidOf(noted) === undefined ? metadata?.annotations?.[runAnnotation] === run.id : metadata?.uid === uidOf(noted);

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

/** abandonJob takes away the Job that the step has made, if it is there; a Job of that name that somebody else has made stays. */
export async function abandonJob(ref: ObjectRef, context: StepContext): Promise<void> {
  if (!wasMade(context.noted)) return;
  const { session, namespace, signal } = context;
  const job = await session.get(ref, namespace, signal);
  const uid = job?.metadata?.uid;
  if (!job || uid === undefined || !isOwn(job, context)) return;
  const beforeSend = () => context.guard();
  if (await session.delete(ref, namespace, { signal, uid, beforeSend }))
    await context.log(`${objectName(ref)} is taken away`);
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
