import { isDeepStrictEqual } from 'node:util';
import { isKubeStatus, type KubeObject } from '@nm/adapters/k8kat';
import type { KubeManifest, ObjectRef } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { refOfManifest } from '../check-plan.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import type { StepContext, StepExecutor } from './step-context.js';

/** Owner of every field that a plan sets. */
export const fieldManager = 'nmachine';
/** Annotations of every applied object: which run wrote it last, and under which claim. */
export const runAnnotation = 'nmachine.io/run';
export const fenceAnnotation = 'nmachine.io/fence';

type Operation = 'created' | 'configured' | 'unchanged';

/** So often an object may change between our look and our write. */
const collisionsMax = 10;

/** applyManifests is server-side apply of each manifest in order. */
export const applyManifests: StepExecutor<'apply'> = async (step, context) => {
  const objects: (ObjectRef & { readonly operation: Operation })[] = [];
  for (const manifest of step.manifests) {
    const ref = refOfManifest(manifest);
    try {
      const operation = await patiently(context, () => applyOne(manifest, ref, context));
      objects.push({ ...ref, operation });
      await context.log(`${objectName(ref)} ${operation}`);
    } catch (error) {
      throw aboutObject(error, ref);
    }
  }
  return { objects };
};

/**
 * applyOne writes only over what it has looked at (its resourceVersion goes along), so a worker that was asleep cannot write over what
 * its successor did: it either sees the higher fence, or collides and looks again. Only a request that creates, and that had left before the
 * worker fell asleep, may arrive late; it is of the same manifest, and the next record of that worker is refused.
 */
async function applyOne(manifest: KubeManifest, ref: ObjectRef, context: StepContext): Promise<Operation> {
  const { session, namespace, signal, run } = context;
  for (let collisions = 0; ; collisions++) {
    const before = await session.get(ref, namespace, signal);
    if (before && fenceOf(before, run.id) > run.fence) throw new Fault('run_lost', { internal: objectName(ref) });
    try {
      const options = { namespace, fieldManager, force: true, signal, beforeSend: () => context.guard() };
      const after = await session.apply(stamped(manifest, run, before), options);
      if (!before) return 'created';
      return isDeepStrictEqual(substance(before), substance(after)) ? 'unchanged' : 'configured';
    } catch (error) {
      // We force ownership, so a conflict can only be an object that changed, or went, since we looked.
      if (!isKubeStatus(error, 409) || collisions >= collisionsMax) throw error;
    }
  }
}

function stamped(manifest: KubeManifest, run: StepContext['run'], before: KubeObject | undefined): KubeObject {
  const { annotations } = manifest.metadata as { annotations?: Record<string, string> };
  const version = before?.metadata?.resourceVersion;
  const metadata = {
    ...manifest.metadata,
    annotations: { ...annotations, [runAnnotation]: run.id, [fenceAnnotation]: String(run.fence) },
    ...(version === undefined ? {} : { resourceVersion: version }),
  };
  return { ...manifest, metadata } as KubeObject;
}

/** fenceOf reads under which claim of this run an object was last written; 0 when by something else. */
function fenceOf(object: KubeObject, runId: string): number {
  const annotations = object.metadata?.annotations ?? {};
  return annotations[runAnnotation] === runId ? Number(annotations[fenceAnnotation] ?? 0) : 0;
}

/** substance is an object without what changes with every write or by itself. */
function substance({ status: _status, metadata, ...rest }: KubeObject): unknown {
  const { resourceVersion: _v, managedFields: _m, generation: _g, annotations, ...kept } = metadata ?? {};
  const { [runAnnotation]: _r, [fenceAnnotation]: _f, ...others } = annotations ?? {};
  return { ...rest, metadata: { ...kept, annotations: others } };
}
