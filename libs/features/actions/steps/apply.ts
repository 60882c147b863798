import type { KubeObject } from '@nm/adapters/k8kat';
import type { KubeManifest, ObjectRef } from '@nm/kernel/contracts';
import { duplicates, manifestIssues, type PlanIssue, refOfManifest } from '../plan/plan-issue.js';
import { untilReady } from './await.js';
import { createOnce, isCreatedOnly, takeOver } from './create-once.js';
import { changed, fencedWrite, fieldManager, stamp } from './fenced-write.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import { ownerLabel, prune } from './prune.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

/** A whole number; manifests of a lower wave are applied, and ready, before those of a higher one. */
const waveAnnotation = 'nmachine.io/wave';
/** So long a wave may take to be ready, in seconds; the run's own limit holds too. */
const waveSecondsMax = 600;

type Operation = 'created' | 'configured' | 'unchanged' | 'pruned';
type AppliedObject = ObjectRef & { readonly operation: Operation };

/** Server-side apply of manifests, wave by wave, and the pruning of what is no longer named. */
export const applyKind: StepKindSpec<'apply'> = {
  preview: 'dry-run',
  check: (step, path) => [
    ...step.manifests.flatMap((manifest, i) => [
      ...manifestIssues(manifest, `${path}.manifests.${i}`),
      ...waveIssues(manifest, `${path}.manifests.${i}`),
    ]),
    ...duplicates(step.manifests.map(refOfManifest), `${path}.manifests`),
  ],
  needs: async (step, needs) => {
    for (const ref of step.manifests.map(refOfManifest)) {
      await needs.object(ref, ['get', 'patch']);
      await needs.creation(ref);
    }
    for (const { apiVersion, kind } of step.prune?.kinds ?? [])
      await needs.object({ apiVersion, kind, name: '' }, ['list', 'get', 'delete']);
  },
  execute: async (step, context) => {
    const objects: AppliedObject[] = [];
    const waves = wavesOf(step.manifests);
    for (const [i, manifests] of waves.entries()) {
      for (const manifest of manifests) objects.push(await applyManifest(manifest, step.prune?.owner, context));
      if (i < waves.length - 1 && !context.dry) await untilReady(manifests.map(refOfManifest), waveSecondsMax, context);
    }
    if (step.prune) objects.push(...(await pruneRest(step, step.prune, context)));
    return { objects };
  },
};

async function applyManifest(
  manifest: KubeManifest,
  owner: string | undefined,
  context: StepContext,
): Promise<AppliedObject> {
  const ref = refOfManifest(manifest);
  try {
    const operation = await patiently(context, () => applyOne(manifest, ref, owner, context));
    await context.log(`${objectName(ref)} ${operation}`);
    return { ...ref, operation };
  } catch (error) {
    throw aboutObject(error, ref);
  }
}

/** What is there is applied over what we looked at; what is not is created, and by nobody twice. */
async function applyOne(
  manifest: KubeManifest,
  ref: ObjectRef,
  owner: string | undefined,
  context: StepContext,
): Promise<Operation> {
  const { session, namespace, signal, run } = context;
  const written = await fencedWrite(ref, context, async (before) => {
    const { annotations, ...precondition } = stamp(run, before);
    const given = manifest.metadata as { annotations?: object; labels?: object };
    const metadata = {
      ...manifest.metadata,
      ...precondition,
      annotations: { ...given.annotations, ...annotations },
      ...(owner === undefined ? {} : { labels: { ...given.labels, [ownerLabel]: owner } }),
    };
    const object = { ...manifest, metadata } as KubeObject;
    if (!before) return createOnce(object, ref, context);
    if (isCreatedOnly(before)) return applyOver(await takeOver(before, ref, context));
    return applyOver(before);

    function applyOver({ metadata: seen }: KubeObject): Promise<KubeObject> {
      const options = { namespace, fieldManager, force: true, signal, beforeSend: () => context.guard() };
      const fresh = { ...metadata, resourceVersion: seen?.resourceVersion };
      return session.apply({ ...object, metadata: fresh } as KubeObject, options);
    }
  });
  if (!written.before) return 'created';
  return changed(written) ? 'configured' : 'unchanged';
}

async function pruneRest(
  step: StepOf<'apply'>,
  how: NonNullable<StepOf<'apply'>['prune']>,
  context: StepContext,
): Promise<AppliedObject[]> {
  const gone = await prune(how, step.manifests.map(refOfManifest), context);
  return gone.map((ref) => ({ ...ref, operation: 'pruned' }));
}

const waveOf = (manifest: KubeManifest): string | undefined =>
  (manifest.metadata as { annotations?: Record<string, string> }).annotations?.[waveAnnotation];

function wavesOf(manifests: readonly KubeManifest[]): KubeManifest[][] {
  const waves = Map.groupBy(manifests, (manifest) => Number(waveOf(manifest) ?? 0));
  return [...waves.entries()].sort(([a], [b]) => a - b).map(([, members]) => members);
}

function waveIssues(manifest: KubeManifest, path: string): PlanIssue[] {
  const wave = waveOf(manifest);
  return wave === undefined || /^-?\d{1,4}$/.test(wave)
    ? []
    : [{ path: `${path}.metadata.annotations`, message: `${waveAnnotation} is a whole number` }];
}
