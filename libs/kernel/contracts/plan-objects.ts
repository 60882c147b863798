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
