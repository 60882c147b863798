import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { environment } from '@nm/adapters/config';
import type { KubeTarget } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';

/** Where Kubernetes mounts what a pod is. */
const mounted = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface PodPlace {
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * readServiceAccount is the cluster that this process runs in as a pod, with the rights of its ServiceAccount. The token's file is read for each request: the kubelet
 * replaces it. @throws Fault kubeconfig_invalid outside of a cluster
 */
export async function readServiceAccount(
  { folder, env }: PodPlace = { folder: mounted, env: environment() },
): Promise<{ target: KubeTarget; namespace: string }> {
  const read = async (name: string): Promise<string> =>
    (
      await readFile(join(folder, name), 'utf8').catch((cause: unknown) => {
        throw outside(`${join(folder, name)} cannot be read`, cause);
      })
    ).trim();
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (!host) throw outside('KUBERNETES_SERVICE_HOST is not set');
  const [ca, namespace] = await Promise.all([read('ca.crt'), read('namespace'), read('token')]);
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { namespace, target: { server, ca, token: () => read('token') } };
}

const outside = (what: string, cause?: unknown): Fault =>
  new Fault('kubeconfig_invalid', {
    public: `This is no pod with a ServiceAccount (automountServiceAccountToken): ${what}.`,
    cause,
  });
