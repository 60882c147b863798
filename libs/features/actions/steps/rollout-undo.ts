import type { KubeObject } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { refIssues } from '../plan/plan-issue.js';
import { fencedPatch } from './fenced-write.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

/** Kubernetes keeps the number of a rollout here, on the Deployment and on its ReplicaSets. */
const revisionAnnotation = 'deployment.kubernetes.io/revision';
const hashLabel = 'pod-template-hash';

/** Puts a Deployment's pod template back to an earlier revision. */
export const rolloutUndoKind: StepKindSpec<'rollout-undo'> = {
  preview: 'dry-run',
  outputs: ['toRevision'],
  check: ({ ref }, path) => [
    ...refIssues(ref, `${path}.ref`),
    ...(ref.kind === 'Deployment' ? [] : [{ path: `${path}.ref.kind`, message: 'only a Deployment keeps revisions' }]),
  ],
  needs: async ({ ref }, needs) => {
    await needs.object(ref, ['get', 'patch']);
    needs.question({
      verb: 'list',
      group: 'apps',
      resource: 'replicasets',
      ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
    });
  },
  execute: async (step, context) => {
    const { ref } = step;
    try {
      const target = await chooseTemplate(step, context);
      await patiently(context, () =>
        fencedPatch(ref, context, (before) => templatePatch(before, target.template as Json)),
      );
      await context.log(`${objectName(ref)} goes back to revision ${target.revision}`);
      return { objects: [{ ...ref, operation: 'configured' }], toRevision: target.revision };
    } catch (error) {
      throw aboutObject(error, ref);
    }
  },
};

const Chosen = z.object({ revision: z.number(), template: z.record(z.string(), z.unknown()) });
type Chosen = z.infer<typeof Chosen>;

/** The choice is written down: "the one before" would be another revision when the step is done again. */
async function chooseTemplate({ ref, toRevision }: StepOf<'rollout-undo'>, context: StepContext): Promise<Chosen> {
  const noted = Chosen.safeParse(context.noted);
  if (noted.success) return noted.data;
  const { session, namespace, signal } = context;
  const deployment = await patiently(context, () => session.get(ref, namespace, signal));
  if (!deployment) throw new Fault('step_failed', { public: `${objectName(ref)} does not exist.` });
  const current = await session.current();
  const place = { apiVersion: 'apps/v1', kind: 'ReplicaSet', namespace: ref.namespace ?? namespace, signal };
  const { items } = await patiently(context, () => current.list(place));
  const own = items.filter((set) => set.metadata?.ownerReferences?.some(({ uid }) => uid === deployment.metadata?.uid));
  const now = revisionOf(deployment);
  const earlier = own.filter((set) => revisionOf(set) !== now).sort((a, b) => revisionOf(b) - revisionOf(a));
  const found = toRevision === undefined ? earlier[0] : own.find((set) => revisionOf(set) === toRevision);
  const template = (found?.['spec'] as { template?: Record<string, unknown> } | undefined)?.template;
  if (!found || !template)
    throw new Fault('step_failed', {
      public: `${objectName(ref)} has no ${toRevision === undefined ? 'earlier revision' : `revision ${toRevision}`} to go back to.`,
    });
  const chosen = { revision: revisionOf(found), template: withoutHash(template) };
  await context.note(chosen);
  return chosen;
}

const revisionOf = (object: KubeObject): number => Number(object.metadata?.annotations?.[revisionAnnotation] ?? 0);

function withoutHash(template: Record<string, unknown>): Record<string, unknown> {
  const { metadata, ...rest } = template as { metadata?: { labels?: Record<string, string> } };
  const { [hashLabel]: _hash, ...labels } = metadata?.labels ?? {};
  return { ...rest, metadata: { ...metadata, labels } };
}

type Json = { readonly [member: string]: unknown };

/** A merge patch that makes the template exactly the wanted one: what the present one has beyond it is set to null. */
function templatePatch(deployment: KubeObject, wanted: Json): Json {
  const present = (deployment['spec'] as { template?: Json } | undefined)?.template ?? {};
  return { spec: { template: mergePatch(present, wanted) } };
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function mergePatch(from: Json, to: Json): Json {
  const patch: Record<string, unknown> = {};
  for (const name of Object.keys(from)) if (!(name in to)) patch[name] = null;
  for (const [name, value] of Object.entries(to)) {
    const was = from[name];
    patch[name] = isObject(value) && isObject(was) ? mergePatch(was, value) : value;
  }
  return patch;
}
