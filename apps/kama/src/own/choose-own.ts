import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession, type KubeTarget } from '@nm/adapters/k8kat';
import { MemoryCluster } from './memory-cluster.js';
import type { OwnCluster } from './own-cluster.js';
import { readKubeconfig } from './read-kubeconfig.js';
import { readServiceAccount } from './read-service-account.js';

/** OwnChoice is where an own process works: a kubeconfig, or the cluster that it is a pod of; with neither it is a prototype, in memory. */
export interface OwnChoice {
  readonly inCluster?: boolean | undefined;
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
export async function chooseOwn({ inCluster, kubeconfig, context, namespace }: OwnChoice): Promise<ChosenOwn> {
  if (inCluster) {
    const pod = await readServiceAccount();
    const chosen = namespace ?? pod.namespace;
    return chosenOf(pod.target, chosen, `namespace ${chosen} of this pod's cluster`);
  }
  if (kubeconfig === undefined)
    return {
      cluster: { session: new MemoryCluster().session(), isReal: false },
      namespace: namespace ?? 'prototype',
      where: 'a prototype in memory: nothing is kept, nothing reaches a cluster',
      close: async () => undefined,
    };
  const own = await readKubeconfig(kubeconfig, context);
  const chosen = namespace ?? own.namespace;
  return chosenOf(own.target, chosen, `namespace ${chosen} of context ${own.context}`);
}

function chosenOf(target: KubeTarget, namespace: string, where: string): ChosenOwn {
  const session = new KubeSession(target, { policy: anywhere });
  return { cluster: { session, isReal: true }, namespace, where, close: () => session.close() };
}
