import type { Vault } from '@nm/adapters/vault';
import type { Credential } from './kubeconfig/read-values.js';

interface SealedPlace {
  readonly id: string;
  readonly orgId: string;
}

/** A sealed credential opens for its own cluster row only. */
const aadOf = (cluster: SealedPlace): string[] => [cluster.orgId, cluster.id, 'credential'];

export const sealCredential = (vault: Vault, cluster: SealedPlace, credential: Credential): Uint8Array<ArrayBuffer> =>
  vault.seal(JSON.stringify(credential), aadOf(cluster));

/** @throws Fault seal_broken */
export const openCredential = (vault: Vault, cluster: SealedPlace & { credential: Uint8Array }): Credential =>
  JSON.parse(vault.open(cluster.credential, aadOf(cluster)).toString('utf8')) as Credential;
