import { z } from 'zod';
import { Entitlements, GraceSteps, LicenceState } from './licences.js';
import { Limits } from './limits.js';

export const Effect = z.enum(['allow', 'read-only', 'deny']);
export type Effect = z.infer<typeof Effect>;

export const RouteClass = z.enum(['read', 'validate', 'mutate', 'admin']);
export type RouteClass = z.infer<typeof RouteClass>;

/** SampledRequest is what a decision looked at of a request; never a header, a query or a body. */
export const SampledRequest = z
  .object({ method: z.string(), path: z.string(), routeClass: RouteClass, address: z.string() })
  .meta({ id: 'SampledRequest' });
export type SampledRequest = z.infer<typeof SampledRequest>;

/** SampledFacts is what else it looked at, as it was then: enough to decide again. Times are in milliseconds since 1970. */
export const SampledFacts = z
  .object({
    licence: z.object({
      state: LicenceState,
      startsAtMs: z.number(),
      expiresAtMs: z.number().optional(),
      grace: GraceSteps,
      trial: z.boolean(),
    }),
    plan: z.object({ slug: z.string(), entitlements: Entitlements, limits: Limits }),
    customer: z.object({ id: z.string(), name: z.string() }),
    install: z.object({ id: z.string(), clusterId: z.string(), namespace: z.string() }).optional(),
    /** Names; absent when the request did not get as far as choosing one. */
    version: z.string().optional(),
    channel: z.string().optional(),
  })
  .meta({ id: 'SampledFacts' });
export type SampledFacts = z.infer<typeof SampledFacts>;
