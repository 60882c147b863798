import { z } from 'zod';

/** Signatures that an issuer may use: asymmetric ones only, chosen here and never by the token (RFC 8725 §3.1). */
export const OidcAlgorithm = z.enum([
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
]);
export type OidcAlgorithm = z.infer<typeof OidcAlgorithm>;

const claimName = z.string().min(1).max(120);

/** IssuerMapping says how a user token names its licence: by the licence's id, or by the publisher's own id of the customer. */
export const IssuerMapping = z
  .strictObject({ claim: claimName, holds: z.enum(['licence-id', 'customer-external-id']) })
  .meta({ id: 'IssuerMapping' });
export type IssuerMapping = z.infer<typeof IssuerMapping>;
