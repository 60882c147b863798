import { stringify } from 'yaml';

export interface KubeconfigParts {
  /** The gateway's public address. */
  readonly gatewayUrl: string;
  /** Certificates (PEM) that prove the gateway, when no public authority does. */
  readonly gatewayCa: string | undefined;
  readonly clusterId: string;
  readonly namespace: string;
  readonly token: string;
}

/** kubeconfigText makes a kubeconfig for the cluster proxy: a server, a token, and the install's namespace as the default. */
export function kubeconfigText({ gatewayUrl, gatewayCa, clusterId, namespace, token }: KubeconfigParts): string {
  const name = `${namespace}@nmachine`;
  const server = `${gatewayUrl.replace(/\/$/, '')}/clusters/${clusterId}/proxy`;
  const ca =
    gatewayCa === undefined ? {} : { 'certificate-authority-data': Buffer.from(gatewayCa, 'utf8').toString('base64') };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, ...ca } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    'current-context': name,
  });
}
