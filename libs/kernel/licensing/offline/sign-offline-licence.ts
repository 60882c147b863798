import { type KeyObject, sign } from 'node:crypto';
import { invariant } from '@nm/kernel/fault';
import { OfflineClaims } from './offline-claims.js';

/** Type of the document (`typ`), so that no other token of ours passes for one. */
export const offlineType = 'nm-licence+jwt';

export interface OfflineSigningKey {
  readonly kid: string;
  /** Ed25519. */
  readonly privateKey: KeyObject;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * signOfflineLicence writes a licence that is verified without asking anybody: a compact JWS (RFC 7515) with EdDSA over Ed25519 (RFC 8037).
 * @throws Fault internal when the key is of another kind or the claims are not of their shape
 */
export function signOfflineLicence(claims: OfflineClaims, { kid, privateKey }: OfflineSigningKey): string {
  invariant(privateKey.asymmetricKeyType === 'ed25519', 'offline licences are signed with Ed25519');
  const { success, data } = OfflineClaims.safeParse(claims);
  invariant(success && data.nbf < data.exp, 'claims of an offline licence');
  const signed = `${encode({ alg: 'EdDSA', typ: offlineType, kid })}.${encode(data)}`;
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
}
