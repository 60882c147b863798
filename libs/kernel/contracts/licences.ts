import { z } from 'zod';
import { Limits } from './limits.js';
import { DisplayName, Email, Id, Instant, Slug } from './primitives.js';

export const Entitlements = z
  .record(z.string().min(1).max(63), z.union([z.boolean(), z.number(), z.string().max(500)]))
  .meta({ id: 'Entitlements' });
export type Entitlements = z.infer<typeof Entitlements>;

export const CreatePlan = z
  .strictObject({ slug: Slug, name: DisplayName, entitlements: Entitlements.default({}), limits: Limits.prefault({}) })
  .meta({ id: 'CreatePlan' });
export type CreatePlan = z.infer<typeof CreatePlan>;

export const Plan = z
  .object({ id: Id, slug: Slug, name: z.string(), entitlements: Entitlements, limits: Limits, createdAt: Instant })
  .meta({ id: 'Plan' });
export type Plan = z.infer<typeof Plan>;

export const CreateCustomer = z
  .strictObject({ name: DisplayName, email: Email.optional() })
  .meta({ id: 'CreateCustomer' });
export type CreateCustomer = z.infer<typeof CreateCustomer>;

export const Customer = z
  .object({ id: Id, name: z.string(), email: z.string().optional(), createdAt: Instant })
  .meta({ id: 'Customer' });
export type Customer = z.infer<typeof Customer>;

export const LicenceState = z.enum(['active', 'suspended', 'revoked']);
export type LicenceState = z.infer<typeof LicenceState>;

/** GraceSteps is what a licence still allows after its expiry, step by step; after the last one nothing. */
export const GraceSteps = z
  .array(z.strictObject({ mode: z.enum(['full', 'read-only']), seconds: z.number().int().min(1).max(31_536_000) }))
  .max(10)
  .meta({ id: 'GraceSteps' });
export type GraceSteps = z.infer<typeof GraceSteps>;

export const IssueLicence = z
  .strictObject({
    plan: Slug,
    customerId: Id,
    startsAt: Instant.optional(),
    expiresAt: Instant.optional(),
    /** Read-only time after expiry. */
    graceSeconds: z.number().int().min(0).max(31_536_000).default(0),
  })
  .meta({ id: 'IssueLicence' });
export type IssueLicence = z.infer<typeof IssueLicence>;

export const Licence = z
  .object({
    id: Id,
    app: Slug,
    plan: Slug,
    customer: z.object({ id: Id, name: z.string() }),
    state: LicenceState,
    startsAt: Instant,
    expiresAt: Instant.optional(),
    graceSeconds: z.number().int(),
    keyLookup: z.string(),
    createdAt: Instant,
  })
  .meta({ id: 'Licence' });
export type Licence = z.infer<typeof Licence>;

/** IssuedLicence carries the key, once: it is stored only as a keyed hash. */
export const IssuedLicence = Licence.extend({ key: z.string() }).meta({ id: 'IssuedLicence' });
export type IssuedLicence = z.infer<typeof IssuedLicence>;

/** LicenceEvent is one thing that happened to a licence. */
export const LicenceEvent = z
  .object({
    id: Id,
    kind: z.enum([
      'issued',
      'first_used',
      'renewed',
      'converted',
      'suspended',
      'resumed',
      'revoked',
      'transferred',
      'rotated',
      'offline_signed',
      'session_ended',
      'user_removed',
    ]),
    /** Id of the user or API token that did it; the licence's own id when a request of it did. */
    actor: z.string(),
    detail: z.record(z.string(), z.unknown()),
    at: Instant,
  })
  .meta({ id: 'LicenceEvent' });
export type LicenceEvent = z.infer<typeof LicenceEvent>;

/** LicenceView is what a licensee may know of its own licence. */
export const LicenceView = z
  .object({
    id: Id,
    org: z.object({ slug: Slug, name: z.string() }),
    app: z.object({ slug: Slug, name: z.string() }),
    plan: z.object({ slug: Slug, name: z.string() }),
    customer: z.string(),
    state: LicenceState,
    /** What a request would be told now. */
    decision: z.object({ effect: z.enum(['allow', 'read-only', 'deny']), code: z.string(), message: z.string() }),
    startsAt: Instant,
    expiresAt: Instant.optional(),
    entitlements: Entitlements,
    limits: Limits,
    url: z.string(),
  })
  .meta({ id: 'LicenceView' });
export type LicenceView = z.infer<typeof LicenceView>;
