import { z } from 'zod';

export const planStepsMax = 50;
export const manifestsMax = 200;

/** A Kubernetes object as JSON; a namespaced one without a namespace goes to the install's. */
export const KubeManifest = z
  .looseObject({
    apiVersion: z.string().min(1).max(100),
    kind: z.string().min(1).max(63),
    metadata: z.looseObject({ name: z.string().min(1).max(253), namespace: z.string().max(63).optional() }),
  })
  .meta({ id: 'KubeManifest' });
export type KubeManifest = z.infer<typeof KubeManifest>;

export const ObjectRef = z
  .strictObject({
    apiVersion: z.string().min(1).max(100),
    kind: z.string().min(1).max(63),
    name: z.string().min(1).max(253),
    namespace: z.string().max(63).optional(),
  })
  .meta({ id: 'ObjectRef' });
export type ObjectRef = z.infer<typeof ObjectRef>;

const title = z.string().trim().min(1).max(200);
const timeoutSeconds = z.number().int().min(1).max(3600);

/** Server-side apply of manifests, in order. */
export const ApplyStep = z.strictObject({
  kind: z.literal('apply'),
  title,
  manifests: z.array(KubeManifest).min(1).max(manifestsMax),
});
/** Wait until every object is ready, or one has failed for good. */
export const AwaitStep = z.strictObject({
  kind: z.literal('await'),
  title,
  refs: z.array(ObjectRef).min(1).max(manifestsMax),
  timeoutSeconds: timeoutSeconds.default(240),
});
/** Delete objects and wait until they are gone; an absent one counts as deleted. */
export const DeleteStep = z.strictObject({
  kind: z.literal('delete'),
  title,
  refs: z.array(ObjectRef).min(1).max(manifestsMax),
  timeoutSeconds: timeoutSeconds.default(120),
});
/** Poll until an HTTP status is answered: by a Service through the API server's proxy, or by a public URL. */
export const WaitForHttpStep = z
  .strictObject({
    kind: z.literal('wait-for-http'),
    title,
    service: z
      .strictObject({
        name: z.string().min(1).max(63),
        port: z.union([z.number().int().min(1).max(65535), z.string().min(1).max(63)]),
        path: z.string().startsWith('/').max(500).default('/'),
      })
      .optional(),
    url: z
      .url({ protocol: /^https?$/ })
      .max(1000)
      .optional(),
    expectStatus: z.number().int().min(100).max(599).default(200),
    timeoutSeconds: timeoutSeconds.default(120),
  })
  .refine((step) => (step.service === undefined) !== (step.url === undefined), {
    message: 'name either a service or a url',
    path: ['service'],
  });

export const PlanStep = z
  .discriminatedUnion('kind', [ApplyStep, AwaitStep, DeleteStep, WaitForHttpStep])
  .meta({ id: 'PlanStep' });
export type PlanStep = z.infer<typeof PlanStep>;
export type StepKind = PlanStep['kind'];

/** RunPlan is the ordered work of one run. */
export const RunPlan = z.strictObject({ steps: z.array(PlanStep).min(1).max(planStepsMax) }).meta({ id: 'RunPlan' });
export type RunPlan = z.infer<typeof RunPlan>;
