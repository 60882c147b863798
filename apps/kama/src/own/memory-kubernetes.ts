import { Fault } from '@nm/kernel/fault';
import type { MemoryCluster } from './memory-cluster.js';
import { mergePatched } from './merge-patch.js';
import type { OwnCluster } from './own-cluster.js';

/** memoryKubernetes takes what is applied and says that it is ready: enough to try an app out without a cluster. */
export const memoryKubernetes = (cluster: MemoryCluster): OwnCluster => ({
  session: cluster.session(),
  apply: async (manifest) => {
    cluster.put({ ...cluster.find(manifest.kind, manifest.metadata.name), ...manifest } as never);
  },
  patch: async (ref, _namespace, patch) => {
    const known = cluster.find(ref.kind, ref.name);
    if (!known) throw new Fault('not_found', { public: `There is no ${ref.kind} ${ref.name}.` });
    cluster.put(mergePatched(known as never, patch as never) as never);
  },
  remove: async (ref) => {
    const known = cluster.find(ref.kind, ref.name) !== undefined;
    cluster.remove(ref.kind, ref.name);
    return known;
  },
  stateOf: async (ref) =>
    cluster.find(ref.kind, ref.name)
      ? { state: 'ready', reason: 'taken as ready, since there is no cluster' }
      : { state: 'gone', reason: 'does not exist' },
});
