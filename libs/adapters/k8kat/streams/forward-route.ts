import type { V1PodSpec } from '@kubernetes/client-node';
import { Fault } from '@nm/kernel/fault';
import type { Json } from '../kinds/kube-json.js';

/** One pod, and which of its ports a connection goes to. */
export interface ForwardRoute {
  readonly pod: string;
  readonly port: number;
}

/** ForwardTarget is what a local port leads to: a pod, or whatever has pods. */
export interface ForwardTarget {
  readonly namespace: string;
  /** For errors: `Deployment:web`. */
  readonly words: string;
  /** The pods that can take a connection now. */
  readonly routes: () => Promise<readonly ForwardRoute[]>;
}

/** How many pods one connection may try. */
const triesMax = 3;

/** routesOf @throws Fault kube_api when no pod is ready */
export async function routesOf({ routes, words }: ForwardTarget): Promise<readonly ForwardRoute[]> {
  const found = await routes();
  if (found.length > 0) return found;
  throw new Fault('kube_api', {
    public: `No pod of ${words} is ready to take a connection.`,
    extra: { status: 503, reason: 'NoReadyPod' },
  });
}

/** openToReady gives what opens a connection to the pod of the last one while that is ready, else to another; a pod that cannot be reached is passed over. */
export function openToReady<T>(
  target: ForwardTarget,
  open: (pod: string, port: number) => Promise<T>,
): () => Promise<T> {
  let last: string | undefined;
  return async () => {
    const tried = new Set<string>();
    let failure: unknown;
    while (tried.size < triesMax) {
      const left = (await routesOf(target)).filter(({ pod }) => !tried.has(pod));
      const route = left.find(({ pod }) => pod === last) ?? left[0];
      if (!route) break;
      try {
        const opened = await open(route.pod, route.port);
        last = route.pod;
        return opened;
      } catch (error) {
        failure = error;
        tried.add(route.pod);
      }
    }
    throw failure;
  };
}

/** containerPort gives the number of a pod's port, by its name where it has one. @throws Fault kube_api */
export function containerPort(spec: Json<V1PodSpec> | undefined, port: number | string, words: string): number {
  if (typeof port === 'number') return port;
  for (const { ports = [] } of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])])
    for (const { name, containerPort: number } of ports) if (name === port) return number;
  throw noSuchPort(words, port);
}

export const noSuchPort = (words: string, port: number | string | undefined): Fault =>
  new Fault('kube_api', {
    public: `${words} has no port "${port ?? ''}".`,
    extra: { status: 404, reason: 'NoSuchPort' },
  });
