import { variableLevels } from '@nm/kernel/kamafile';
import { z } from 'zod';
import { Condition } from './plan-conditions.js';
import { KubeManifest, manifestsMax, ObjectRef, PodChoice, ServiceRef, Victims } from './plan-objects.js';

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

/**
 * Delete objects and wait until they are gone; an absent one counts as deleted. `refs`: all at once, or one after the other (`ordered`).
 * `groups`: group by group, each gone before the next, so that what stores data goes last.
 */
export const DeleteStep = z
  .strictObject({
    kind: z.literal('delete'),
    title,
    refs: z.array(ObjectRef).max(manifestsMax).default([]),
    groups: z.array(Victims).min(1).max(20).optional(),
    ordered: z.boolean().optional(),
    timeoutSeconds: timeoutSeconds.default(120),
  })
  .refine((step) => step.refs.length > 0 !== (step.groups !== undefined), {
    message: 'name either refs or groups',
    path: ['refs'],
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
    headers: z
      .record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'the name of a header'), z.string().max(2_000))
      .optional(),
    body: z.json().optional(),
    expectStatus: z.array(z.number().int().min(100).max(599)).min(1).max(20).default([200, 201, 202, 204]),
    timeoutSeconds: timeoutSeconds.default(30),
  })
  .refine(oneTarget, oneTargetFault);

const commandWord = z.string().max(4_000);
const command = z.array(commandWord).min(1).max(100);

/**
 * Run a command in a container of a pod that runs. It is begun at most once: when nobody can say how it ended, the step is `unknown`, unless
 * `repeatable` says that running it twice does no harm.
 */
export const ExecStep = z.strictObject({
  kind: z.literal('exec'),
  title,
  pod: PodChoice,
  container: z.string().min(1).max(63).optional(),
  command,
  stdin: z.string().max(100_000).optional(),
  expectExit: z.array(z.number().int().min(0).max(255)).min(1).max(20).default([0]),
  repeatable: z.boolean().optional(),
  timeoutSeconds: timeoutSeconds.default(60),
});

/**
 * Run a command in a pod of its own, which is taken away afterwards, by the cluster itself when nobody else does. It is made at most once, as
 * `exec` is. The pod passes the pod security level `restricted` and has no token.
 */
export const RunPodStep = z.strictObject({
  kind: z.literal('run-pod'),
  title,
  image: z.string().min(1).max(500),
  command,
  env: z.record(z.string().max(200), z.string().max(10_000)).optional(),
  /** Whose environment the container gets: names of Secrets and ConfigMaps of the namespace. */
  envFrom: z
    .array(
      z.union([
        z.strictObject({ secret: z.string().min(1).max(253) }),
        z.strictObject({ configMap: z.string().min(1).max(253) }),
      ]),
    )
    .max(10)
    .optional(),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
  expectExit: z.array(z.number().int().min(0).max(255)).min(1).max(20).default([0]),
  repeatable: z.boolean().optional(),
  timeoutSeconds: timeoutSeconds.default(300),
});

const variableKey = z
  .string()
  .min(1)
  .max(300)
  .regex(/^[^.]+(\.[^.]+)*$/, 'names with dots between');

/**
 * Change the variables of the install (its Kamafile) on one level: `merge` lays values over what is there, `set` replaces the level, `unset` takes
 * variables out. Values may be flat (`a.b`) or deep. `secret`: in the Kamafile's Secret instead of its ConfigMap.
 */
export const VariablesStep = z
  .strictObject({
    kind: z.literal('variables'),
    title,
    space: z
      .string()
      .max(63)
      .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'the key of a ConfigMap')
      .default('app'),
    level: z.enum(variableLevels).default('user_vars'),
    merge: z.record(z.string().max(300), z.json()).optional(),
    set: z.record(z.string().max(300), z.json()).optional(),
    unset: z.array(variableKey).min(1).max(200).optional(),
    secret: z.boolean().optional(),
  })
  .refine((step) => [step.merge, step.set, step.unset].filter((one) => one !== undefined).length === 1, {
    message: 'say one of merge, set and unset',
    path: ['merge'],
  });

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

/**
 * Only as an undo step: takes back what the step has changed, by the record of its changes. What it made is deleted; fields that are still as it left
 * them get their former values. What it deleted, and what was too large or too secret to be kept, cannot be put back.
 */
export const RestoreStep = z.strictObject({ kind: z.literal('restore'), title });

/** The run waits until a person approves, and ends when one declines or nobody answers in time. */
export const ApprovalStep = z.strictObject({
  kind: z.literal('approval'),
  title,
  message: z.string().max(2000),
  timeoutSeconds: z.number().int().min(10).max(604_800).default(86_400),
});
