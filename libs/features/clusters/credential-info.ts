import { X509Certificate } from 'node:crypto';
import type { CredentialInfo } from '@nm/kernel/contracts';
import { z } from 'zod';
import type { Credential } from './kubeconfig/read-values.js';

/** Claims of a ServiceAccount token; those of a Secret (before 1.24) have the names in the second form and no end. */
const Claims = z.object({
  sub: z.string().optional(),
  exp: z.number().int().positive().optional(),
  'kubernetes.io': z.object({ secret: z.object({ name: z.string() }).optional() }).optional(),
  'kubernetes.io/serviceaccount/secret.name': z.string().optional(),
});

/**
 * credentialInfo reads what a credential says of itself: whose it is, and when it ends. A token is not verified, because only its cluster can do that; what
 * is read here decides when we ask for a new one, and nothing else.
 */
export function credentialInfo({ token, clientCertificate }: Credential): CredentialInfo {
  if (token === undefined && clientCertificate !== undefined) {
    const { validToDate } = new X509Certificate(clientCertificate);
    return { kind: 'certificate', expiresAt: validToDate.toISOString() };
  }
  if (token === undefined) return { kind: 'none' };
  const claims = claimsOf(token);
  const expiresAt = claims?.exp === undefined ? {} : { expiresAt: new Date(claims.exp * 1000).toISOString() };
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(claims?.sub ?? '') ?? [];
  if (!claims || namespace === undefined || name === undefined) return { kind: 'token', ...expiresAt };
  const secret = claims['kubernetes.io']?.secret?.name ?? claims['kubernetes.io/serviceaccount/secret.name'];
  return { kind: 'service-account', ...expiresAt, serviceAccount: { namespace, name, ...(secret ? { secret } : {}) } };
}

function claimsOf(token: string): z.infer<typeof Claims> | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  try {
    return Claims.safeParse(JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Part of a token's remaining life after which it is replaced. */
const usedPart = 0.6;

/** rotationDue is when a credential should be replaced; null when it is not ours to replace, or never ends. */
export function rotationDue(info: CredentialInfo, nowMs: number): Date | null {
  if (info.kind !== 'service-account' || info.expiresAt === undefined) return null;
  const leftMs = Math.max(0, Date.parse(info.expiresAt) - nowMs);
  return new Date(nowMs + Math.floor(leftMs * usedPart));
}
