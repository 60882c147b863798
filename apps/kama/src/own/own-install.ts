import { OwnEngines } from '../engines/own-engines.js';
import type { InstallAccess } from '../installs/install-access.js';
import { clusterReader } from '../installs/read-cluster.js';
import { openKamafile } from '../installs/read-kamafile.js';
import { MemoryDocuments } from './memory-documents.js';
import { OwnRuns } from './own-runs.js';
import type { Workplace } from './workplace.js';

/** OwnInstall is the one install of a KAMA that runs without NMachine. */
export interface OwnInstall {
  /** open gives each request its own view of the state. */
  open(signal: AbortSignal): InstallAccess;
  readonly runs: OwnRuns;
  /** close ends what is under way. */
  close(): Promise<void>;
}

/** ownInstall is an install on a cluster, whose runs are carried out here. */
export function ownInstall(place: Omit<Workplace, 'signal' | 'log'>): OwnInstall {
  const { cluster, namespace } = place;
  const over = new AbortController();
  const runs = new OwnRuns({ ...place, signal: over.signal });
  const documents = new MemoryDocuments();
  const { session } = cluster;
  const engines = new OwnEngines();
  return {
    runs,
    open: (signal) => ({
      ...{ id: `own-${namespace}`, namespace, mayWrite: true, runs, documents },
      kamafile: openKamafile(session, namespace, signal),
      cluster: clusterReader(session, namespace),
      engines: engines.reach(namespace, cluster.kubernetes),
    }),
    close: async () => {
      over.abort();
      await runs.settled();
      await engines.close();
    },
  };
}
