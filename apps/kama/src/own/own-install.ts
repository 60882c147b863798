import { createEgressAgent, EgressPolicy } from '@nm/adapters/egress';
import type { KamaDoor } from '@nm/features/actions';
import type { Clock } from '@nm/kernel/time';
import { OwnEngines } from '../engines/own-engines.js';
import type { InstallAccess } from '../installs/install-access.js';
import { clusterReader } from '../installs/read-cluster.js';
import { openKamafile } from '../installs/read-kamafile.js';
import { MemoryDocuments } from './memory-documents.js';
import type { OwnCluster } from './own-cluster.js';
import { OwnRuns } from './own-runs.js';
import { refusesPods } from './refuses-pods.js';

/** OwnInstall is the one install of a KAMA that runs without NMachine. */
export interface OwnInstall {
  /** open gives each request its own view of the state. */
  open(signal: AbortSignal): InstallAccess;
  readonly runs: OwnRuns;
  /** close ends what is under way. */
  close(): Promise<void>;
}

/** ownInstall is an install on a cluster, whose runs are carried out here. */
export function ownInstall({
  cluster: { session, isReal },
  namespace,
  clock,
  kama,
}: {
  readonly cluster: OwnCluster;
  readonly namespace: string;
  readonly clock: Clock;
  readonly kama: KamaDoor;
}): OwnInstall {
  const over = new AbortController();
  const { signal: ending } = over;
  // Steps that send requests reach public addresses only, here as in NMachine.
  const egress = createEgressAgent(new EgressPolicy());
  const refusal = isReal ? undefined : refusesPods;
  const runs = new OwnRuns({ session, namespace, clock, kama, egress, refusal, signal: ending });
  const documents = new MemoryDocuments();
  const engines = new OwnEngines();
  return {
    runs,
    open: (signal) => ({
      ...{ id: `own-${namespace}`, namespace, mayWrite: true, runs, documents },
      kamafile: openKamafile(session, namespace, signal),
      cluster: clusterReader(session, namespace),
      engines: engines.reach(namespace, isReal ? session : undefined),
    }),
    close: async () => {
      over.abort();
      await runs.settled();
      await egress.destroy();
      await engines.close();
    },
  };
}
