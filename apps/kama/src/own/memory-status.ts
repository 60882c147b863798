import type { KubeObject } from '@nm/adapters/k8kat';

const condition = (type: string) => ({ conditions: [{ type, status: 'True' }] });

/** statusWhenReady is what the controllers of a cluster would say of an object once all is well; undefined for kinds that are ready when they exist. */
export function statusWhenReady({ kind, spec }: KubeObject): object | undefined {
  const { replicas = 1, type } = (spec ?? {}) as { replicas?: number; type?: string };
  switch (kind) {
    case 'Deployment':
    case 'ReplicaSet':
    case 'StatefulSet':
      return { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
    case 'Pod':
      return { phase: 'Running', ...condition('Ready') };
    case 'Job':
      return { succeeded: 1, ...condition('Complete') };
    case 'PersistentVolumeClaim':
      return { phase: 'Bound' };
    case 'Namespace':
      return { phase: 'Active' };
    case 'CustomResourceDefinition':
      return condition('Established');
    case 'APIService':
      return condition('Available');
    case 'Service':
      return type === 'LoadBalancer' ? { loadBalancer: { ingress: [{ ip: '127.0.0.1' }] } } : undefined;
    default:
      return undefined;
  }
}
