import type { KubeSession } from '@nm/adapters/k8kat';

/** OwnCluster is what an own process works on: any Kubernetes, or memory, for prototypes. */
export interface OwnCluster {
  readonly session: KubeSession;
  /** Whether pods run in it. */
  readonly isReal: boolean;
}
