import type { KubeSession } from '../session/kube-session.js';
import { objectPath } from '../transport/kube-paths.js';
import type { ApiResource } from '../transport/kube-types.js';

/** createObject makes an object that must not be there yet. @throws Fault kube_api with reason `AlreadyExists` */
export const createObject = <T>(
  session: KubeSession,
  resource: ApiResource,
  namespace: string | undefined,
  body: object,
  options: {
    readonly fieldManager?: string;
    readonly dryRun?: boolean;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<T> =>
  session.request<T>('POST', objectPath(resource, namespace), {
    query: { fieldManager: options.fieldManager, dryRun: options.dryRun ? 'All' : undefined },
    body: { apiVersion: resource.apiVersion, kind: resource.kind, ...body },
    signal: options.signal,
  });
