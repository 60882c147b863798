import type { Vault } from '@nm/adapters/vault';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { tokenIssuer } from '../access-token.js';

const audience = 'nm-licence';
/** Explicit type of a licence session (RFC 8725 §3.11). */
export const licenceSessionType = 'nm-session+jwt';

/** What a licence session says; the licence and the session's row are read on every use, or held in memory until they change. */
export interface LicenceSessionClaims {
  readonly licenceId: string;
  /** Lookup part of the key it was made from: a session dies with its key when that is rotated. */
  readonly keyLookup: string;
  /** Its row (`licence_presence`); a session that was ended opens nothing. */
  readonly sessionId: string;
  /** The install that it means where a request names none. */
  readonly installId?: string | undefined;
}

type Deps = { readonly vault: Vault; readonly clock: Clock };

/** signLicenceSession makes the short-lived stand-in for a licence key. @param expiresAt end of its seat */
export function signLicenceSession(
  claims: LicenceSessionClaims,
  expiresAt: Date,
  { vault, clock }: Deps,
): Promise<string> {
  const { keyLookup: key, sessionId: sid, installId: inst } = claims;
  return new SignJWT({ key, sid, ...(inst === undefined ? {} : { inst }) })
    .setProtectedHeader({ alg: 'HS256', typ: licenceSessionType })
    .setIssuer(tokenIssuer)
    .setAudience(audience)
    .setSubject(claims.licenceId)
    .setIssuedAt(Math.floor(clock.nowMs() / 1000))
    .setExpirationTime(Math.floor(expiresAt.getTime() / 1000))
    .sign(vault.subkey('licence-session'));
}

const Payload = z.object({ sub: z.string(), key: z.string(), sid: z.string(), inst: z.string().optional() });

/**
 * verifyLicenceSession checks signature, type, issuer, audience and time. The caller still has to read the licence and the session's row,
 * and to refuse a session whose `keyLookup` is no longer the licence's, or that was ended.
 * @throws Fault token_expired, unauthenticated
 */
export async function verifyLicenceSession(token: string, { vault, clock }: Deps): Promise<LicenceSessionClaims> {
  try {
    const { payload } = await jwtVerify(token, vault.subkey('licence-session'), {
      algorithms: ['HS256'],
      typ: licenceSessionType,
      issuer: tokenIssuer,
      audience,
      requiredClaims: ['exp', 'iat'],
      currentDate: clock.now(),
    });
    const { sub, key, sid, inst } = Payload.parse(payload);
    return { licenceId: sub, keyLookup: key, sessionId: sid, installId: inst };
  } catch (cause) {
    throw new Fault(cause instanceof errors.JWTExpired ? 'token_expired' : 'unauthenticated', { cause });
  }
}
