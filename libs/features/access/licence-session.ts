import type { Vault } from '@nm/adapters/vault';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { tokenIssuer } from './access-token.js';

const audience = 'nm-licence';
/** Explicit type of a licence session (RFC 8725 §3.11). */
export const licenceSessionType = 'nm-licence+jwt';
/** Life of a licence session, in seconds. */
export const sessionSecondsMax = 900;

/** What a licence session says; the licence itself is read on every use. */
export interface LicenceSessionClaims {
  readonly licenceId: string;
  /** Lookup part of the key it was made from: a session dies with its key when that is rotated. */
  readonly keyLookup: string;
}

type Deps = { readonly vault: Vault; readonly clock: Clock };

/** signLicenceSession makes the short-lived stand-in for a licence key. */
export function signLicenceSession(claims: LicenceSessionClaims, { vault, clock }: Deps): Promise<string> {
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  return new SignJWT({ key: claims.keyLookup })
    .setProtectedHeader({ alg: 'HS256', typ: licenceSessionType })
    .setIssuer(tokenIssuer)
    .setAudience(audience)
    .setSubject(claims.licenceId)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + sessionSecondsMax)
    .sign(vault.subkey('licence-session'));
}

const Payload = z.object({ sub: z.string(), key: z.string() });

/**
 * verifyLicenceSession checks signature, type, issuer, audience and time. The caller still has to read the licence
 * and to refuse a session whose `keyLookup` is no longer the licence's.
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
    const { sub, key } = Payload.parse(payload);
    return { licenceId: sub, keyLookup: key };
  } catch (cause) {
    throw new Fault(cause instanceof errors.JWTExpired ? 'token_expired' : 'unauthenticated', { cause });
  }
}
