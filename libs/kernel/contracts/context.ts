import { z } from 'zod';
import { Entitlements } from './licences.js';

/** Name of the one header that carries context to a KAMA. */
export const contextHeader = 'nm-context';
/** Audience that makes a context token with an install usable as an install token. */
export const installAudience = 'nm-install';
export const contextIssuer = 'nmachine';

/** ContextClaims is the payload of `Nm-Context`: an EdDSA JWT whose keys are at `/.well-known/jwks.json`. */
export const ContextClaims = z.object({
  iss: z.literal(contextIssuer),
  aud: z.union([z.string(), z.array(z.string())]),
  sub: z.string(),
  org: z.string(),
  orgId: z.string(),
  app: z.string(),
  appId: z.string(),
  version: z.string(),
  versionId: z.string(),
  mode: z.enum(['full', 'read-only']),
  entitlements: Entitlements,
  install: z.object({ id: z.string(), cluster: z.string(), namespace: z.string() }).optional(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string(),
});
export type ContextClaims = z.infer<typeof ContextClaims>;
