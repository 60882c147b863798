import { z } from 'zod';
import { Instant } from './primitives.js';

/** Names that a KAMA gives to what it remembers, such as `operation-state.abcdefghij`. */
export const KamaDocumentName = z
  .string()
  .min(1)
  .max(120)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dots, dashes and underscores');

/** Bytes of the JSON of one document. */
export const kamaDocumentBytesMax = 256 * 1024;

export const WriteKamaDocument = z
  .strictObject({
    value: z.record(z.string(), z.unknown()),
    /** How long it is kept without another write. */
    ttlSeconds: z
      .number()
      .int()
      .min(60)
      .max(30 * 24 * 3_600)
      .default(7 * 24 * 3_600),
    /** The revision that was read; 0 when it must be new. Left out, the last writer wins. */
    revision: z.number().int().min(0).optional(),
  })
  .meta({ id: 'WriteKamaDocument' });
export type WriteKamaDocument = z.infer<typeof WriteKamaDocument>;

export const KamaDocument = z
  .object({
    name: KamaDocumentName,
    revision: z.number().int(),
    expiresAt: Instant,
    value: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'KamaDocument' });
export type KamaDocument = z.infer<typeof KamaDocument>;
