import { z } from 'zod';

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

/** A Service of the install's namespace, by port number or port name. */
export const ServiceRef = z.strictObject({
  name: z.string().min(1).max(63),
  port: z.union([z.number().int().min(1).max(65535), z.string().min(1).max(63)]),
  path: z.string().startsWith('/').max(500).default('/'),
});
export type ServiceRef = z.infer<typeof ServiceRef>;

const labels = z
  .record(z.string().min(1).max(317), z.string().max(63))
  .refine((it) => Object.keys(it).length > 0, 'name at least one label');

/** Which pod: by its name, or the first ready one that has these labels. */
export const PodChoice = z
  .strictObject({ name: z.string().min(1).max(253).optional(), labels: labels.optional() })
  .refine((it) => (it.name === undefined) !== (it.labels === undefined), {
    message: 'name either a pod or labels',
    path: ['name'],
  });
export type PodChoice = z.infer<typeof PodChoice>;

/** Victims are objects that are deleted together: named, or all of a kind that have these labels when the step begins. */
export const Victims = z
  .strictObject({
    title: z.string().trim().min(1).max(200).optional(),
    refs: z.array(ObjectRef).max(manifestsMax).default([]),
    select: z
      .array(z.strictObject({ apiVersion: z.string().min(1).max(100), kind: z.string().min(1).max(63), labels }))
      .max(20)
      .default([]),
  })
  .refine((it) => it.refs.length + it.select.length > 0, { message: 'names nothing', path: ['refs'] });
export type Victims = z.infer<typeof Victims>;
