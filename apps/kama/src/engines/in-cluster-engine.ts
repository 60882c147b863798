import type { KubeSession } from '@nm/adapters/k8kat';
import {
  engineFailed,
  type HttpEngineOptions,
  httpEngine,
  type Ktea,
  type TemplatingEngine,
  uriOf,
} from '@nm/adapters/templating';

/** `<service>`, `<service>:<port>`, by number or name, and a path, with or without a scheme. */
const serviceUri = /^(?:(https?):\/\/)?([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?::([a-z0-9-]{1,15}))?((?:\/[\w.~-]+)*)\/?$/;

/**
 * inClusterEngine asks a server that is a Service of the app's namespace, through the API server's service proxy, in the name of the caller: wherever the KAMA
 * runs, and as far as the version's Role lets it (`get`, `create` on `services/proxy`). The service sees no credential.
 */
export function inClusterEngine(
  session: KubeSession,
  namespace: string,
  bounds: Pick<HttpEngineOptions, 'timeoutMs' | 'answerBytesMax'> = {},
): TemplatingEngine {
  const baseOf = (ktea: Ktea): string => {
    const uri = uriOf(ktea);
    const [, scheme = 'http', service, port = scheme === 'https' ? '443' : '80', path = ''] =
      serviceUri.exec(uri) ?? [];
    if (service === undefined || path.split('/').includes('..'))
      throw engineFailed(`"uri" of an engine in the cluster is "<service>:<port>/<path>", not "${uri.slice(0, 300)}"`);
    const base = session.server.href.replace(/\/+$/, '');
    return `${base}/api/v1/namespaces/${namespace}/services/${scheme}:${service}:${port}/proxy${path}`;
  };
  const { dispatcher } = session;
  return httpEngine({ ...bounds, dispatcher, release: namespace, baseOf, identity: () => session.identity() });
}
