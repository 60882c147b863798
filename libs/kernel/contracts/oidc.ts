import { z } from 'zod';
import { DisplayName, Id, Instant } from './primitives.js';

/** Signatures that an issuer may use: asymmetric ones only, chosen here and never by the token (RFC 8725 §3.1). */
export const OidcAlgorithm = z.enum([
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA'] as const),
]);
export type OidcAlgorithm = z.infer<typeof OidcAlgorithm>;

const claimName = z.string().min(1).max(120);

/** IssuerMapping says how a user token names its licence: by the licence's id, or by the publisher's own id of the customer. */
export const IssuerMapping = z
  .strictObject({ claim: claimName, holds: z.enum(['licence-id', 'customer-external-id']) })
  .meta({ id: 'IssuerMapping' });
export type IssuerMapping = z.infer<typeof IssuerMapping>;

export const RegisterIssuer = z
  .strictObject({
    name: DisplayName,
    /** Exactly as the tokens say in `iss`; its discovery document is below it. */
    issuer: z.url({ protocol: /^https?$/ }).max(500),
    /** What tokens for this organisation's apps carry in `aud`. */
    audience: z.string().min(1).max(500),
    algorithms: z.array(OidcAlgorithm).min(1).max(OidcAlgorithm.options.length).default(['RS256']),
    mapping: IssuerMapping,
  })
  .meta({ id: 'RegisterIssuer' });
export type RegisterIssuer = z.infer<typeof RegisterIssuer>;

export const ChangeIssuer = z
  .strictObject({ name: DisplayName.optional(), enabled: z.boolean().optional() })
  .meta({ id: 'ChangeIssuer' });
export type ChangeIssuer = z.infer<typeof ChangeIssuer>;

export const OidcIssuer = z
  .object({
    id: Id,
    name: z.string(),
    issuer: z.string(),
    audience: z.string(),
    algorithms: z.array(OidcAlgorithm),
    mapping: IssuerMapping,
    jwksUri: z.string(),
    enabled: z.boolean(),
    createdAt: Instant,
  })
  .meta({ id: 'OidcIssuer' });
export type OidcIssuer = z.infer<typeof OidcIssuer>;
