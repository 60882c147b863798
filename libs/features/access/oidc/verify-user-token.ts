import type { IssuerMapping, OidcAlgorithm } from '@nm/kernel/contracts';
import { Fault, hasCode, isFault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import type { IssuerKeys, KeySet } from './issuer-keys.js';

/** An issuer as a verifier holds it in memory. */
export interface TrustedIssuer {
  readonly id: string;
  readonly orgId: string;
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly OidcAlgorithm[];
  readonly mapping: IssuerMapping;
  readonly jwksUri: string;
}

/** Somebody whom an issuer vouches for, and how the token names their licence. */
export interface OidcUser {
  readonly issuerId: string;
  readonly orgId: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly licence: { readonly holds: IssuerMapping['holds']; readonly value: string };
  /** From here on the token is no more. */
  readonly expiresAtMs: number;
}

const textMax = 8_192;
const clockSkewSeconds = 30;
/** Types of tokens that speak of a user: ID tokens and access tokens (RFC 9068). Others, like ours, mean something else (RFC 8725 §3.11). */
const types = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt']);

const refuse = (internal: string, cause?: unknown): never => {
  throw new Fault('unauthenticated', { internal, ...(cause === undefined ? {} : { cause }) });
};

/**
 * verifyOidcUserToken checks a token of one of an organisation's issuers (RFC 8725): issuer and audience as registered, an algorithm of the issuer's
 * own list, a key from its JWKS and from nowhere else, and time.
 * @param issuers the enabled issuers of the organisation that the request is for
 * @throws Fault unauthenticated, token_expired, issuer_unusable (its keys cannot be had)
 */
export async function verifyOidcUserToken(
  text: string,
  {
    issuers,
    keys,
    clock,
  }: { readonly issuers: readonly TrustedIssuer[]; readonly keys: IssuerKeys; readonly clock: Clock },
): Promise<OidcUser> {
  const issuer = issuerOf(text, issuers);
  const { exp, sub, ...claims } = await verify(text, issuer, keys, clock);
  if (typeof sub !== 'string' || sub === '' || sub.length > 200) return refuse('token without a usable sub');
  const value = claims[issuer.mapping.claim];
  if (typeof value !== 'string' || value === '' || value.length > 200)
    return refuse(`token without a usable claim ${issuer.mapping.claim}`);
  const email = claims['email_verified'] === false ? undefined : shortText(claims['email']);
  return {
    issuerId: issuer.id,
    orgId: issuer.orgId,
    subject: sub,
    email,
    name: shortText(claims['name']),
    licence: { holds: issuer.mapping.holds, value },
    expiresAtMs: (exp ?? 0) * 1000,
  };
}

const shortText = (claim: unknown): string | undefined =>
  typeof claim === 'string' && claim !== '' ? claim.slice(0, 200) : undefined;

/** issuerOf finds by whose rules a token has to be checked; nothing in it is believed yet. */
function issuerOf(text: string, issuers: readonly TrustedIssuer[]): TrustedIssuer {
  if (text.length > textMax) return refuse('token too long');
  try {
    const { typ } = decodeProtectedHeader(text);
    if (!types.has(typ?.toLowerCase())) return refuse(`token of type ${typ}`);
    const { iss, aud } = decodeJwt(text);
    const audiences = typeof aud === 'string' ? [aud] : (aud ?? []);
    const found = issuers.find(({ issuer, audience }) => issuer === iss && audiences.includes(audience));
    return found ?? refuse('token of no issuer of this organisation');
  } catch (error) {
    return isFault(error) ? refuse(error.message) : refuse('not a token', error);
  }
}

async function verify(text: string, issuer: TrustedIssuer, keys: IssuerKeys, clock: Clock): Promise<JWTPayload> {
  const attempt = async (set: KeySet): Promise<JWTPayload> =>
    (
      await jwtVerify(text, set, {
        algorithms: [...issuer.algorithms],
        issuer: issuer.issuer,
        audience: issuer.audience,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: clockSkewSeconds,
        currentDate: clock.now(),
      })
    ).payload;
  try {
    try {
      return await attempt(await keys.of(issuer.jwksUri));
    } catch (error) {
      // A key id that we do not know may be a new key of the issuer.
      const newer = error instanceof errors.JWKSNoMatchingKey ? await keys.again(issuer.jwksUri) : undefined;
      if (!newer) throw error;
      return await attempt(newer);
    }
  } catch (cause) {
    if (hasCode(cause, 'issuer_unusable') || hasCode(cause, 'egress_denied')) throw cause;
    throw new Fault(cause instanceof errors.JWTExpired ? 'token_expired' : 'unauthenticated', { cause });
  }
}
