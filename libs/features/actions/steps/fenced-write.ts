import { isDeepStrictEqual } from 'node:util';
import { isKubeStatus, type KubeObject, objectPath } from '@nm/adapters/k8kat';
import type { ObjectRef } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { isRefusal } from './at-most-once.js';
import { objectName } from './object-name.js';
import type { StepContext } from './step-context.js';

/** Owner of every field that a plan sets. */
export const fieldManager = 'nmachine';
/** Annotations of every written object: which run wrote it last, and under which claim. */
export const runAnnotation = 'nmachine.io/run';
export const fenceAnnotation = 'nmachine.io/fence';

/** So often an object may change between our look and our write. */
const collisionsMax = 10;

export interface Written {
  /** Undefined when the write made the object. */
  readonly before: KubeObject | undefined;
  readonly after: KubeObject;
}

/**
 * fencedWrite writes only over what it has looked at (the write carries the resourceVersion that was seen), so a worker that was asleep
 * cannot write over what its successor did: it either sees the higher fence, or collides and looks again.
 * @param write sends the change, or gives undefined when there is nothing to change
 * @throws Fault run_lost when a later claim of the run has been here
 */
export async function fencedWrite(
  ref: ObjectRef,
  context: StepContext,
  write: (before: KubeObject | undefined) => Promise<KubeObject | undefined>,
): Promise<Written> {
  const { session, namespace, signal, run, changes } = context;
  for (let collisions = 0; ; collisions++) {
    const before = await session.get(ref, namespace, signal);
    if (before && fenceOf(before, run.id) > run.fence) throw new Fault('run_lost', { internal: objectName(ref) });
    await changes.begin(ref, before);
    try {
      const after = await write(before);
      if (after) await changes.end(ref, { before, after });
      else await changes.drop(ref);
      return { before, after: after ?? before ?? {} };
    } catch (error) {
      if (isRefusal(error)) await changes.drop(ref);
      // We force ownership, so a conflict can only be an object that changed, or went, since we looked.
      if (!isKubeStatus(error, 409) || collisions >= collisionsMax) throw error;
    }
  }
}

/** stamp gives the annotations and the precondition that a write carries. */
export function stamp(run: StepContext['run'], before: KubeObject | undefined) {
  const version = before?.metadata?.resourceVersion;
  return {
    annotations: { [runAnnotation]: run.id, [fenceAnnotation]: String(run.fence) },
    ...(version === undefined ? {} : { resourceVersion: version }),
  };
}

type MergePatch = Readonly<Record<string, unknown>>;

/**
 * fencedPatch changes an object that exists by a merge patch made from what it is now.
 * @param patchOf gives the patch, or undefined when the object already is as it should be
 * @throws Fault step_failed when the object does not exist
 */
export async function fencedPatch(
  ref: ObjectRef,
  context: StepContext,
  patchOf: (before: KubeObject) => MergePatch | undefined,
): Promise<Written> {
  const { run } = context;
  return fencedWrite(ref, context, async (before) => {
    if (!before) throw new Fault('step_failed', { public: `${objectName(ref)} does not exist.` });
    const patch = patchOf(before);
    if (!patch) return undefined;
    const { metadata = {}, ...rest } = patch as { metadata?: { annotations?: object } };
    const { annotations, resourceVersion } = stamp(run, before);
    const body = {
      ...rest,
      metadata: { ...metadata, resourceVersion, annotations: { ...metadata.annotations, ...annotations } },
    };
    return patchObject(ref, body, context);
  });
}

/** patchObject sends a merge patch, which should carry the version of the object that it was made from. */
export async function patchObject(ref: ObjectRef, body: object, context: StepContext): Promise<KubeObject> {
  const { session, namespace, signal } = context;
  const path = objectPath(await session.resourceFor(ref.apiVersion, ref.kind), ref.namespace ?? namespace, ref.name);
  const current = await session.current();
  return current.request<KubeObject>('PATCH', path, {
    query: { fieldManager },
    contentType: 'application/merge-patch+json',
    body,
    signal,
    idempotent: true,
    beforeSend: () => context.guard(),
  });
}

/** changed tells whether a write changed more than our own annotations. */
export const changed = ({ before, after }: Written): boolean =>
  before === undefined || !isDeepStrictEqual(substance(before), substance(after));

/** fenceOf reads under which claim of this run an object was last written; 0 when by something else. */
function fenceOf(object: KubeObject, runId: string): number {
  const annotations = object.metadata?.annotations ?? {};
  return annotations[runAnnotation] === runId ? Number(annotations[fenceAnnotation] ?? 0) : 0;
}

/** substance is an object without what changes with every write or by itself. */
export function substance({ status: _status, metadata, ...rest }: KubeObject): KubeObject {
  const { resourceVersion: _v, managedFields: _m, generation: _g, annotations, ...kept } = metadata ?? {};
  const { [runAnnotation]: _r, [fenceAnnotation]: _f, ...others } = annotations ?? {};
  return { ...rest, metadata: { ...kept, annotations: others } } as KubeObject;
}
