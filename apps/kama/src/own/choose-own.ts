import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { MemoryCluster } from './memory-cluster.js';
import { memoryKubernetes } from './memory-kubernetes.js';
import { kubeCluster, type OwnCluster } from './own-cluster.js';
import { readKubeconfig } from './read-kubeconfig.js';

/** OwnChoice is where an own process works; without a kubeconfig it is a prototype, in memory. */
export interface OwnChoice {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
}

export interface ChosenOwn {
  readonly cluster: OwnCluster;
  readonly namespace: string;
  /** For a line of the log. */
  readonly where: string;
  close(): Promise<void>;
}

/** Whoever starts the process chooses the address, so it may be any. */
const anywhere = new EgressPolicy({ allow: ['0.0.0.0/0', '::/0'] });

/** chooseOwn opens the cluster that an own process works on. @throws Fault kubeconfig_invalid */
export async function chooseOwn({ kubeconfig, context, namespace }: OwnChoice): Promise<ChosenOwn> {
  if (kubeconfig === undefined)
    return {
      cluster: memoryKubernetes(new MemoryCluster()),
      namespace: namespace ?? 'prototype',
      where: 'a prototype in memory: nothing is kept, nothing reaches a cluster',
      close: async () => undefined,
    };
  const own = await readKubeconfig(kubeconfig, context);
  const session = new KubeSession(own.target, { policy: anywhere });
  const chosen = namespace ?? own.namespace;
  return {
    cluster: kubeCluster(session),
    namespace: chosen,
    where: `namespace ${chosen} of context ${own.context}`,
    close: () => session.close(),
  };
}
