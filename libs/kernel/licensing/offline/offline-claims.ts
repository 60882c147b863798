import { AccessRule, Entitlements, GraceSteps, LicenceState, Limits } from '@nm/kernel/contracts';
import { z } from 'zod';

const instant = z.number().int();
const seconds = z.number().int().min(0);

/** What an offline licence says. Registered claims (RFC 7519 §4.1) are in seconds, the licence's own instants in milliseconds. */
export const OfflineClaims = z.strictObject({
  iss: z.literal('nmachine'),
  /** Id of the app. */
  aud: z.string().min(1),
  /** Id of the licence. */
  sub: z.string().min(1),
  jti: z.string().min(1),
  iat: seconds,
  nbf: seconds,
  /** End of this document; the licence itself may end before. */
  exp: seconds,
  licence: z.strictObject({
    state: LicenceState,
    startsAtMs: instant,
    expiresAtMs: instant.optional(),
    grace: GraceSteps,
    trial: z.boolean(),
    firstUse: z.strictObject({ seconds, usedAtMs: instant.optional() }).optional(),
  }),
  plan: z.strictObject({ slug: z.string(), entitlements: Entitlements, limits: Limits }),
  customer: z.strictObject({ id: z.string(), name: z.string() }),
  /** The app's own rules when it was signed, and which version of them. */
  rules: z.array(AccessRule),
  rulesVersion: z.number().int().min(0),
});
export type OfflineClaims = z.infer<typeof OfflineClaims>;
