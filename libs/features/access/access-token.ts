import type { Vault } from '@nm/adapters/vault';
import type { Clock } from '@nm/kernel/time';
import { SignJWT } from 'jose';

/** Who signs our own JWTs. */
export const tokenIssuer = 'nmachine';
/** Audience of access tokens; other JWTs of ours have other audiences and other keys. */
export const accessAudience = 'nm-api';
/** Explicit type (RFC 8725 §3.11). */
export const accessTokenType = 'nm-access+jwt';
/** Life of an access token, in seconds. */
export const accessSecondsMax = 900;

/** signAccessToken makes the short-lived proof of one person's login. */
export function signAccessToken(
  userId: string,
  deps: { readonly vault: Vault; readonly clock: Clock },
): Promise<string> {
  const nowSeconds = Math.floor(deps.clock.nowMs() / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256', typ: accessTokenType })
    .setIssuer(tokenIssuer)
    .setAudience(accessAudience)
    .setSubject(userId)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + accessSecondsMax)
    .sign(deps.vault.subkey('access-token'));
}
