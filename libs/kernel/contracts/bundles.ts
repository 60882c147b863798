import { z } from 'zod';
import { Instant } from './primitives.js';

/** Media type of a packed bundle; its bytes are JSON, but are taken as they are. */
export const bundleMediaType = 'application/vnd.nmachine.bundle';
/** Bytes of a packed bundle. */
export const bundleBytesMax = 8 * 1024 * 1024;

/** BundleDigest names a packed bundle by the SHA-256 of its bytes. */
export const BundleDigest = z.string().regex(/^sha256:[0-9a-f]{64}$/, '"sha256:" and 64 hexadecimal digits');

/** Bundle is what is known of a pushed bundle. `warnings` are what the linter would like to be otherwise. */
export const Bundle = z
  .object({
    digest: BundleDigest,
    bytes: z.number().int(),
    files: z.number().int(),
    warnings: z.array(z.string()),
    createdAt: Instant,
  })
  .meta({ id: 'Bundle' });
export type Bundle = z.infer<typeof Bundle>;

/** KamaBundle is a bundle as its host gets it. */
export const KamaBundle = z.object({ digest: BundleDigest, bundle: z.string() }).meta({ id: 'KamaBundle' });
export type KamaBundle = z.infer<typeof KamaBundle>;
