import type { KubeMethod, KubeRequestOptions } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { type ClusterSession, type StepSession, stepSession } from '../steps/step-context.js';

/** drySession lets nothing through that would change the cluster: every write asks for a dry run, and streams into pods are not opened. */
export const drySession = (session: StepSession): StepSession => stepSession(async () => dry(await session.current()));

const dry = (session: ClusterSession): ClusterSession => ({
  server: session.server,
  get dispatcher(): ClusterSession['dispatcher'] {
    throw refused();
  },
  upgrade: () => Promise.reject(refused()),
  authorization: () => session.authorization(),
  get: (...args) => session.get(...args),
  list: (...args) => session.list(...args),
  can: (...args) => session.can(...args),
  resourceFor: (...args) => session.resourceFor(...args),
  stream: (...args) => session.stream(...args),
  apply: (manifest, options) => session.apply(manifest, { ...options, dryRun: true }),
  delete: (ref, namespace, options) => session.delete(ref, namespace, { ...options, dryRun: true }),
  request: <T>(method: KubeMethod, path: string, options: KubeRequestOptions = {}) =>
    session.request<T>(
      method,
      path,
      method === 'GET' ? options : { ...options, query: { ...options.query, dryRun: 'All' } },
    ),
});

const refused = (): Fault => new Fault('internal', { internal: 'a preview reaches for what has no dry run' });
