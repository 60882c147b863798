import { readFile } from 'node:fs/promises';
import type { KubeTarget } from '@nm/adapters/k8kat';
import { inject } from 'vitest';
import { parse } from 'yaml';

interface AdminKubeconfig {
  readonly clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
  readonly users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
}

const plain = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');

/** targetOf reads the one cluster and user of an administrator's kubeconfig. */
export function targetOf(kubeconfig: string): KubeTarget {
  const { clusters, users } = parse(kubeconfig) as AdminKubeconfig;
  return {
    server: clusters[0].cluster.server,
    ca: plain(clusters[0].cluster['certificate-authority-data']),
    clientCertificate: plain(users[0].user['client-certificate-data']),
    clientKey: plain(users[0].user['client-key-data']),
  };
}

/** adminTarget is the administrator's way into the run's cluster. */
export async function adminTarget(): Promise<KubeTarget> {
  return targetOf(await readFile(inject('kubeconfigPath'), 'utf8'));
}
