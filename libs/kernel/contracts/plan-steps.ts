import { z } from 'zod';
import { Condition } from './plan-conditions.js';
import { KubeManifest, manifestsMax, ObjectRef, ServiceRef } from './plan-objects.js';

const title = z.string().trim().min(1).max(200);
const timeoutSeconds = z.number().int().min(1).max(3600);
const publicUrl = z.url({ protocol: /^https?$/ }).max(1000);
const oneTarget = (step: { service?: unknown; url?: unknown }): boolean =>
  (step.service === undefined) !== (step.url === undefined);
const oneTargetFault = { message: 'name either a service or a url', path: ['service'] };

/**
 * Server-side apply of manifests, in order. Manifests with the annotation `nmachine.io/wave` (a whole number) go by rising wave, each wave
 * ready before the next. `prune` deletes what an earlier apply of the same owner made and this one no longer names.
 */
export const ApplyStep = z.strictObject({
  kind: z.literal('apply'),
  title,
  manifests: z.array(KubeManifest).min(1).max(manifestsMax),
  prune: z
    .strictObject({
      /** Value of the label `nmachine.io/owner` on everything that this owner applies. */
      owner: z
        .string()
        .max(63)
        .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'the value of a label'),
      /** Where to look for what is no longer named. */
      kinds: z
        .array(z.strictObject({ apiVersion: z.string().min(1).max(100), kind: z.string().min(1).max(63) }))
        .min(1)
        .max(20),
    })
    .optional(),
});

/** Wait until every object is ready, or one has failed for good. */
export const AwaitStep = z.strictObject({
  kind: z.literal('await'),
  title,
  refs: z.array(ObjectRef).min(1).max(manifestsMax),
  timeoutSeconds: timeoutSeconds.default(240),
});

/** Delete objects and wait until they are gone; an absent one counts as deleted. `ordered`: one after the other. */
export const DeleteStep = z.strictObject({
  kind: z.literal('delete'),
  title,
  refs: z.array(ObjectRef).min(1).max(manifestsMax),
  ordered: z.boolean().optional(),
  timeoutSeconds: timeoutSeconds.default(120),
});

/** Change an object by a JSON merge patch (RFC 7396); null removes a member. The object must exist. */
export const PatchStep = z.strictObject({
  kind: z.literal('patch'),
  title,
  ref: ObjectRef,
  patch: z.record(z.string().max(253), z.json()),
});

/** Set the number of replicas of a Deployment, StatefulSet, ReplicaSet, or any kind with a scale subresource. */
export const ScaleStep = z.strictObject({
  kind: z.literal('scale'),
  title,
  ref: ObjectRef,
  replicas: z.number().int().min(0).max(10_000),
});

/** Restart the pods of a Deployment, StatefulSet or DaemonSet by a rolling update. */
export const RestartStep = z.strictObject({ kind: z.literal('restart'), title, ref: ObjectRef });

/** Put a Deployment's pod template back to an earlier revision; without one, to the one before the current. */
export const RolloutUndoStep = z.strictObject({
  kind: z.literal('rollout-undo'),
  title,
  ref: ObjectRef,
  toRevision: z.number().int().min(1).optional(),
});

/** Run a Job once and wait for its end; its pods' last lines become the step's log. The name gets a suffix of the run. */
export const RunJobStep = z.strictObject({
  kind: z.literal('run-job'),
  title,
  manifest: KubeManifest,
  timeoutSeconds: timeoutSeconds.default(600),
});

/** Poll until an HTTP status is answered: by a Service through the API server's proxy, or by a public URL. */
export const WaitForHttpStep = z
  .strictObject({
    kind: z.literal('wait-for-http'),
    title,
    service: ServiceRef.optional(),
    url: publicUrl.optional(),
    expectStatus: z.number().int().min(100).max(599).default(200),
    timeoutSeconds: timeoutSeconds.default(120),
  })
  .refine(oneTarget, oneTargetFault);

/**
 * One HTTP request to a Service (through the API server) or a public URL. GET and PUT and DELETE are repeated after a crash; a POST or PATCH
 * is sent at most once: when nobody can say whether it arrived, the step ends as `unknown`.
 */
export const HttpRequestStep = z
  .strictObject({
    kind: z.literal('http-request'),
    title,
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
    service: ServiceRef.optional(),
    url: publicUrl.optional(),
    body: z.json().optional(),
    expectStatus: z.array(z.number().int().min(100).max(599)).min(1).max(20).default([200, 201, 202, 204]),
    timeoutSeconds: timeoutSeconds.default(30),
  })
  .refine(oneTarget, oneTargetFault);

/** Wait until a condition on objects holds. */
export const WaitForStep = z.strictObject({
  kind: z.literal('wait-for'),
  title,
  condition: Condition,
  timeoutSeconds: timeoutSeconds.default(240),
});

/** Write a Kubernetes Event about an object of the install, for whoever watches the cluster. */
export const EmitEventStep = z.strictObject({
  kind: z.literal('emit-event'),
  title,
  ref: ObjectRef,
  type: z.enum(['Normal', 'Warning']).default('Normal'),
  reason: z
    .string()
    .max(128)
    .regex(/^[A-Z][A-Za-z0-9]*$/, 'one word in CamelCase'),
  message: z.string().min(1).max(1000),
});

/** The run waits until a person approves, and ends when one declines or nobody answers in time. */
export const ApprovalStep = z.strictObject({
  kind: z.literal('approval'),
  title,
  message: z.string().max(2000),
  timeoutSeconds: z.number().int().min(10).max(604_800).default(86_400),
});
