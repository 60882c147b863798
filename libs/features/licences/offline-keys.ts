import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { Vault } from '@nm/adapters/vault';
import type { OfflineKeySet } from '@nm/kernel/contracts';

/** PKCS #8 frame of an Ed25519 seed (RFC 8410 §7). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface OfflineKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly jwk: OfflineKeySet['keys'][number];
}

/**
 * offlineKeyOf is the key by which an organisation's offline licences are signed: Ed25519, derived from the master key, so it is the same for as long
 * as licences that were carried away have to be verified, and another one for each organisation.
 */
export function offlineKeyOf(vault: Vault, orgId: string): OfflineKey {
  const seed = createHash('sha256').update(vault.subkey('offline-licence')).update(orgId).digest();
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  // RFC 7638: the thumbprint names a key by its content.
  const kid = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
  return { kid, privateKey, jwk: { kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', kid, x } };
}
