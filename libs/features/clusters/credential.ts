import type { Vault } from '@nm/adapters/vault';
import { Fault } from '@nm/kernel/fault';
import type { Credential } from './kubeconfig/read-values.js';

interface SealedPlace {
  readonly id: string;
  readonly orgId: string;
}

/** A sealed credential opens for its own cluster row only. */
export const aadOf = (cluster: SealedPlace): string[] => [cluster.orgId, cluster.id, 'credential'];

export const sealCredential = (
  vault: Vault,
  cluster: SealedPlace,
  credential: Credential,
): Promise<Uint8Array<ArrayBuffer>> => vault.seal(JSON.stringify(credential), aadOf(cluster));

/** @throws Fault seal_broken; cluster_unreachable while an agent has not brought a credential */
export async function openCredential(
  vault: Vault,
  cluster: SealedPlace & { readonly credential: Uint8Array | null },
): Promise<Credential> {
  if (!cluster.credential)
    throw new Fault('cluster_unreachable', {
      public: 'The agent of this cluster has not connected yet.',
      extra: { reason: 'no_agent' },
    });
  return JSON.parse((await vault.open(cluster.credential, aadOf(cluster))).toString('utf8')) as Credential;
}
