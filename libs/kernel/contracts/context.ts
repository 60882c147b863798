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

/** Audience of tokens that are good for the cluster proxy and for nothing else. */
export const clusterAudience = 'nm-cluster';
/** Longest life of such a token, in seconds. */
export const clusterTokenSecondsMax = 3_600;

/** ClusterTokenClaims is the payload of a token for the cluster proxy; `jti` names its row, which can end it early. */
export const ClusterTokenClaims = z.object({
  iss: z.literal(contextIssuer),
  aud: z.literal(clusterAudience),
  sub: z.string(),
  orgId: z.string(),
  mode: z.enum(['full', 'read-only']),
  install: z.object({ id: z.string(), cluster: z.string(), namespace: z.string() }),
  /** The hosted KAMA that it was made for. */
  instance: z.string().optional(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string(),
});
export type ClusterTokenClaims = z.infer<typeof ClusterTokenClaims>;
