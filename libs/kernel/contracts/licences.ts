import { z } from 'zod';
import { Limits } from './limits.js';
import { DisplayName, Email, Id, Instant, Slug } from './primitives.js';

export const Entitlements = z
  .record(z.string().min(1).max(63), z.union([z.boolean(), z.number(), z.string().max(500)]))
  .meta({ id: 'Entitlements' });
export type Entitlements = z.infer<typeof Entitlements>;

/** What a suspended licence may still do on its own clusters through the cluster proxy. */
const SuspendedAccess = z.enum(['shut', 'read-only']);

export const CreatePlan = z
  .strictObject({
    slug: Slug,
    name: DisplayName,
    entitlements: Entitlements.default({}),
    limits: Limits.prefault({}),
    suspendedAccess: SuspendedAccess.default('shut'),
  })
  .meta({ id: 'CreatePlan' });
export type CreatePlan = z.infer<typeof CreatePlan>;

export const Plan = z
  .object({
    id: Id,
    slug: Slug,
    name: z.string(),
    entitlements: Entitlements,
    limits: Limits,
    suspendedAccess: SuspendedAccess,
    createdAt: Instant,
  })
  .meta({ id: 'Plan' });
export type Plan = z.infer<typeof Plan>;

/** The publisher's own id of a customer, unique in the organisation. */
const ExternalId = z.string().trim().min(1).max(200);

export const CreateCustomer = z
  .strictObject({ name: DisplayName, email: Email.optional(), externalId: ExternalId.optional() })
  .meta({ id: 'CreateCustomer' });
export type CreateCustomer = z.infer<typeof CreateCustomer>;

export const ChangeCustomer = z
  .strictObject({
    name: DisplayName.optional(),
    email: Email.nullable().optional(),
    externalId: ExternalId.nullable().optional(),
  })
  .meta({ id: 'ChangeCustomer' });
export type ChangeCustomer = z.infer<typeof ChangeCustomer>;

export const Customer = z
  .object({
    id: Id,
    name: z.string(),
    email: z.string().optional(),
    externalId: z.string().optional(),
    createdAt: Instant,
  })
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
    /** It runs for so long from its first use; an earlier expiresAt still ends it. */
    expiresAfterFirstUseSeconds: z.number().int().min(60).max(315_360_000).optional(),
    trial: z.boolean().default(false),
    /** What is still allowed after expiry, step by step. */
    grace: GraceSteps.optional(),
    /** Short for one read-only step. */
    graceSeconds: z.number().int().min(0).max(31_536_000).optional(),
  })
  .refine((body) => body.grace === undefined || body.graceSeconds === undefined, {
    message: 'give either grace or graceSeconds',
    path: ['grace'],
  })
  .meta({ id: 'IssueLicence' });
export type IssueLicence = z.infer<typeof IssueLicence>;

export const RenewLicence = z
  .strictObject({
    /** The new end; null: never. */
    expiresAt: Instant.nullable(),
    plan: Slug.optional(),
    grace: GraceSteps.optional(),
  })
  .meta({ id: 'RenewLicence' });
export type RenewLicence = z.infer<typeof RenewLicence>;

/** ConvertTrial says what a trial becomes. */
export const ConvertTrial = z
  .strictObject({ expiresAt: Instant.nullable(), plan: Slug.optional(), grace: GraceSteps.optional() })
  .meta({ id: 'ConvertTrial' });
export type ConvertTrial = z.infer<typeof ConvertTrial>;

export const TransferLicence = z
  .strictObject({
    customerId: Id,
    /** True: installs on the old customer's clusters are forgotten; what they left there stays. */
    abandonInstalls: z.boolean().default(false),
  })
  .meta({ id: 'TransferLicence' });
export type TransferLicence = z.infer<typeof TransferLicence>;

export const Licence = z
  .object({
    id: Id,
    app: Slug,
    plan: Slug,
    customer: z.object({ id: Id, name: z.string() }),
    state: LicenceState,
    startsAt: Instant,
    /** A fixed end. */
    expiresAt: Instant.optional(),
    expiresAfterFirstUseSeconds: z.number().int().optional(),
    firstUsedAt: Instant.optional(),
    trial: z.boolean(),
    grace: GraceSteps,
    /** All steps of grace together. */
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

/** SeatUse is how many seats are taken, and of how many; without `max` they are not counted. */
export const SeatUse = z.object({ used: z.number().int(), max: z.number().int().optional() }).meta({ id: 'SeatUse' });

export const SignOffline = z
  .strictObject({
    /** For how long it is good without asking anybody. */
    days: z.number().int().min(1).max(400).default(30),
  })
  .meta({ id: 'SignOffline' });
export type SignOffline = z.infer<typeof SignOffline>;

export const OfflineLicence = z
  .object({
    /** A compact JWS (EdDSA), to be put where the app runs. */
    licence: z.string(),
    keyId: z.string(),
    /** From here on it has to be signed again. */
    expiresAt: Instant,
  })
  .meta({ id: 'OfflineLicence' });
export type OfflineLicence = z.infer<typeof OfflineLicence>;

/** OfflineKeySet is a JWKS (RFC 7517). */
export const OfflineKeySet = z
  .object({
    keys: z.array(
      z.object({
        kty: z.literal('OKP'),
        crv: z.literal('Ed25519'),
        alg: z.literal('EdDSA'),
        use: z.literal('sig'),
        kid: z.string(),
        x: z.string(),
      }),
    ),
  })
  .meta({ id: 'OfflineKeySet' });
export type OfflineKeySet = z.infer<typeof OfflineKeySet>;

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
    trial: z.boolean(),
    startsAt: Instant,
    /** When it expires, be it by date or from its first use. */
    expiresAt: Instant.optional(),
    /** Full days until then; 0 on the last day, negative afterwards. */
    daysLeft: z.number().int().optional(),
    /** When the last step of grace ends, after which nothing is allowed. */
    endsAt: Instant.optional(),
    expiresAfterFirstUseSeconds: z.number().int().optional(),
    grace: GraceSteps,
    /** Seats in use; each with its bound, if it is counted. */
    seats: z.object({ installs: SeatUse, users: SeatUse, sessions: SeatUse }),
    /** Where to renew, as the publisher says. */
    renewalUrl: z.string().optional(),
    entitlements: Entitlements,
    limits: Limits,
    url: z.string(),
  })
  .meta({ id: 'LicenceView' });
export type LicenceView = z.infer<typeof LicenceView>;
