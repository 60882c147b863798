import type { InstanceFacts } from './reconcile/instance-facts.js';

/** Where a KAMA finds NMachine, as seen from where it runs. Without a trailing slash. */
export interface KamaUrls {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
}

/** kamaEnvironment is what docs/runtime-contract.md promises beside `PORT` and `HOST`. It holds no secret. */
export function kamaEnvironment(names: InstanceFacts['names'], urls: KamaUrls): Record<string, string> {
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
        }
      : {}),
  };
}
