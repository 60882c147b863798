import { z } from 'zod';
import { DisplayName } from './primitives.js';

export const rulesMax = 100;
export const ruleTextMax = 2_000;

/** AccessRule lets somebody in, shuts somebody out, or lets them only read, when its expression (CEL) holds. The first that holds counts. */
export const AccessRule = z
  .strictObject({
    id: z
      .string()
      .min(1)
      .max(63)
      .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'lower-case letters, digits and dashes'),
    name: DisplayName,
    effect: z.enum(['allow', 'read-only', 'deny']),
    when: z.string().min(1).max(ruleTextMax),
    /** What a denial says to programs; absent: `rule_denied`. */
    code: z
      .string()
      .max(63)
      .regex(/^[a-z][a-z0-9_]*$/, 'lower-case letters, digits and underscores')
      .optional(),
    /** What a denial says to people. */
    message: z.string().trim().min(1).max(500).optional(),
  })
  .meta({ id: 'AccessRule' });
export type AccessRule = z.infer<typeof AccessRule>;
