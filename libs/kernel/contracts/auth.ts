import { z } from 'zod';
import { UsageLimits } from './limits.js';
import { DisplayName, Email, Id, Instant, Slug, WebAddress } from './primitives.js';

export const Role = z.enum(['owner', 'admin', 'developer', 'support', 'viewer']);
export type Role = z.infer<typeof Role>;

export const Password = z.string().min(10, 'at least 10 characters').max(200);

/** Signup makes a person and their first organisation. */
export const Signup = z
  .strictObject({
    email: Email,
    password: Password,
    name: DisplayName,
    org: z.strictObject({ slug: Slug, name: DisplayName }),
  })
  .meta({ id: 'Signup' });
export type Signup = z.infer<typeof Signup>;

export const Login = z.strictObject({ email: Email, password: z.string().min(1).max(200) }).meta({ id: 'Login' });
export type Login = z.infer<typeof Login>;

export const RefreshLogin = z.strictObject({ refreshToken: z.string().min(1).max(200) }).meta({ id: 'RefreshLogin' });
export type RefreshLogin = z.infer<typeof RefreshLogin>;

export const TokenPair = z
  .object({
    accessToken: z.string(),
    refreshToken: z.string(),
    tokenType: z.literal('Bearer'),
    expiresInSeconds: z.number().int(),
  })
  .meta({ id: 'TokenPair' });
export type TokenPair = z.infer<typeof TokenPair>;

export const Me = z
  .object({
    id: Id,
    email: Email,
    name: z.string(),
    orgs: z.array(z.object({ id: Id, slug: Slug, name: z.string(), role: Role })),
  })
  .meta({ id: 'Me' });
export type Me = z.infer<typeof Me>;

export const CreateOrg = z.strictObject({ slug: Slug, name: DisplayName }).meta({ id: 'CreateOrg' });
export type CreateOrg = z.infer<typeof CreateOrg>;

export const Org = z
  .object({
    id: Id,
    slug: Slug,
    name: z.string(),
    role: Role,
    limits: UsageLimits,
    renewalUrl: z.string().optional(),
    /** Runs that have ended are forgotten after so many days. */
    runRetentionDays: z.number().int(),
    createdAt: Instant,
  })
  .meta({ id: 'Org' });
export type Org = z.infer<typeof Org>;

/** ChangeOrg changes what is given of an organisation's settings. */
export const ChangeOrg = z
  .strictObject({
    name: DisplayName.optional(),
    runRetentionDays: z.number().int().min(1).max(3650).optional(),
    /** What all apps of the organisation may use together. */
    limits: UsageLimits.optional(),
    renewalUrl: WebAddress.nullable().optional(),
  })
  .meta({ id: 'ChangeOrg' });
export type ChangeOrg = z.infer<typeof ChangeOrg>;

export const AddMember = z.strictObject({ email: Email, role: Role }).meta({ id: 'AddMember' });
export type AddMember = z.infer<typeof AddMember>;

export const ChangeMember = z.strictObject({ role: Role }).meta({ id: 'ChangeMember' });
export type ChangeMember = z.infer<typeof ChangeMember>;

export const Member = z
  .object({ id: Id, userId: Id, email: z.string(), name: z.string(), role: Role, createdAt: Instant })
  .meta({ id: 'Member' });
export type Member = z.infer<typeof Member>;

export const CreateApiToken = z
  .strictObject({ name: DisplayName, role: Role.default('developer'), expiresAt: Instant.optional() })
  .meta({ id: 'CreateApiToken' });
export type CreateApiToken = z.infer<typeof CreateApiToken>;

export const ApiToken = z
  .object({
    id: Id,
    name: z.string(),
    role: Role,
    lookup: z.string(),
    createdAt: Instant,
    expiresAt: Instant.optional(),
    revokedAt: Instant.optional(),
  })
  .meta({ id: 'ApiToken' });
export type ApiToken = z.infer<typeof ApiToken>;

/** IssuedApiToken carries the token itself, once. */
export const IssuedApiToken = ApiToken.extend({ token: z.string() }).meta({ id: 'IssuedApiToken' });
export type IssuedApiToken = z.infer<typeof IssuedApiToken>;
