import { Fault } from '@nm/kernel/fault';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { clusterUrl, type KamaUrls, kubeconfigFile, tokenFile } from '../kama-environment.js';
import type { InstanceFiles } from '../runtime-driver.js';

/** What is read of the kubeconfig that the API has made; the rest is carried over as it is. */
const Lent = z.looseObject({
  clusters: z.tuple([
    z.looseObject({ cluster: z.looseObject({ 'certificate-authority-data': z.string().optional() }) }),
  ]),
  users: z.tuple([z.looseObject({ user: z.looseObject({ token: z.string().min(1) }) })]),
});

export interface LoanPlace {
  readonly urls: KamaUrls;
  readonly clusterId: string;
  /** Where the KAMA finds the token. */
  readonly tokenPath: string;
}

/**
 * loanFiles makes the files of an instance from a kubeconfig: the token by itself, so that it can be replaced, and a kubeconfig that names it and
 * the gateway as the KAMA reaches it. Client libraries read `tokenFile` anew from time to time.
 * @throws Fault internal when it is no kubeconfig of ours
 */
export function loanFiles(kubeconfig: string, { urls, clusterId, tokenPath }: LoanPlace): InstanceFiles {
  const parsed = Lent.safeParse(parse(kubeconfig));
  if (!parsed.success) throw new Fault('internal', { internal: 'the API gave no kubeconfig', cause: parsed.error });
  const { clusters, users, ...rest } = parsed.data;
  const [cluster] = clusters;
  const [user] = users;
  const { 'certificate-authority-data': ca } = cluster.cluster;
  const server = clusterUrl(urls, clusterId);
  const place = {
    server,
    ...(ca !== undefined && server.startsWith('https:') ? { 'certificate-authority-data': ca } : {}),
  };
  return {
    [tokenFile]: user.user.token,
    [kubeconfigFile]: stringify({
      ...rest,
      clusters: [{ ...cluster, cluster: place }],
      users: [{ ...user, user: { tokenFile: tokenPath } }],
    }),
  };
}
