import { type KubeSession, objectPath, readinessOf } from '@nm/adapters/k8kat';
import type { KubeManifest, ObjectRef } from '@nm/kernel/contracts';

/** So a KAMA of its own names itself as a writer of fields. */
const fieldManager = 'nmachine-kama';

/** OwnCluster is what runs of an own process do with a cluster. Two real ones: any Kubernetes, and memory, for prototypes. */
export interface OwnCluster {
  /** What requests look at the cluster with. */
  readonly session: KubeSession;
  /** The same, where there is a cluster behind it. */
  readonly kubernetes?: KubeSession;
  apply(manifest: KubeManifest, namespace: string, signal: AbortSignal): Promise<void>;
  /** @throws Fault not_found, kube_api */
  patch(ref: ObjectRef, namespace: string, patch: object, signal: AbortSignal): Promise<void>;
  /** True when there was one. */
  remove(ref: ObjectRef, namespace: string, signal: AbortSignal): Promise<boolean>;
  /** `gone` for an object that is not there. */
  stateOf(ref: ObjectRef, namespace: string, signal: AbortSignal): Promise<{ state: string; reason: string }>;
}

/** kubeCluster is a Kubernetes that a kubeconfig leads to. */
export const kubeCluster = (session: KubeSession): OwnCluster => ({
  session,
  kubernetes: session,
  apply: async (manifest, namespace, signal) => {
    await session.apply(manifest, { namespace, fieldManager, force: true, signal });
  },
  patch: async (ref, namespace, body, signal) => {
    const resource = await session.resourceFor(ref.apiVersion, ref.kind);
    const path = objectPath(resource, ref.namespace ?? namespace, ref.name);
    await session.request('PATCH', path, { body, contentType: 'application/merge-patch+json', signal });
  },
  remove: (ref, namespace, signal) => session.delete(ref, namespace, { signal, propagationPolicy: 'Foreground' }),
  stateOf: async (ref, namespace, signal) => {
    const object = await session.get(ref, namespace, signal);
    return object ? readinessOf(object) : { state: 'gone', reason: 'does not exist' };
  },
});
