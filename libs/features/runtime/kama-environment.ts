import { join } from 'node:path';
import type { InstanceFacts } from './reconcile/instance-facts.js';

/** Where a KAMA finds NMachine, as seen from where it runs. Without a trailing slash. */
export interface KamaUrls {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  /** The gateway for Kubernetes clients, which send a token over TLS only. */
  readonly kubeUrl: string;
}

/** The files of an instance that serves one install. */
export const [kubeconfigFile, tokenFile] = ['kubeconfig', 'token'] as const;

/** clusterUrl is the Kubernetes API of a cluster as a KAMA reaches it. */
export const clusterUrl = ({ kubeUrl }: KamaUrls, clusterId: string): string =>
  `${kubeUrl}/clusters/${clusterId}/proxy`;

/**
 * kamaEnvironment is what docs/runtime-contract.md promises beside `PORT` and `HOST`. It holds no secret.
 * @param folder where one that serves one install finds its files, if it is given any
 */
export function kamaEnvironment(
  names: InstanceFacts['names'],
  urls: KamaUrls,
  folder?: string,
): Record<string, string> {
  return {
    NM_APP_ID: names.appId,
    NM_ORG: names.org,
    NM_APP: names.app,
    NM_VERSION: names.version,
    NM_API_URL: urls.apiUrl,
    NM_GATEWAY_URL: urls.gatewayUrl,
    NM_JWKS_URL: `${urls.gatewayUrl}/.well-known/jwks.json`,
    ...(names.install
      ? {
          NM_INSTALL_ID: names.install.id,
          NM_CLUSTER_ID: names.install.cluster,
          NM_NAMESPACE: names.install.namespace,
          ...(folder === undefined ? {} : clusterDoor(urls, names.install.cluster, folder)),
        }
      : {}),
  };
}

const clusterDoor = (urls: KamaUrls, clusterId: string, folder: string): Record<string, string> => ({
  NM_CLUSTER_URL: clusterUrl(urls, clusterId),
  NM_CLUSTER_TOKEN_FILE: join(folder, tokenFile),
  KUBECONFIG: join(folder, kubeconfigFile),
});
