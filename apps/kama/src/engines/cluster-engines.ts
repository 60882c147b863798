import type { KubeSession } from '@nm/adapters/k8kat';
import { containerEngine, type TemplatingEngine } from '@nm/adapters/templating';
import { inClusterEngine } from './in-cluster-engine.js';
import { runContainer } from './run-container.js';

/** clusterEngines are those that run on the install's own cluster, by type. */
export function clusterEngines(session: KubeSession, namespace: string): Readonly<Record<string, TemplatingEngine>> {
  const container = containerEngine(runContainer(session, namespace));
  return { container, image: container, in_cluster: inClusterEngine(session, namespace) };
}
