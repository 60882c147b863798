import type { Change, Db } from '@nm/adapters/db';
import type { EgressPolicy } from '@nm/adapters/egress';
import type { Vault } from '@nm/adapters/vault';
import { ClusterSessions } from '@nm/features/clusters';
import type { Clock } from '@nm/kernel/time';
import type { ClusterDialler } from './cluster-route.js';

/** ClusterDoor is how the cluster proxy reaches clusters; it forgets sessions of what changed. */
export interface ClusterDoor extends ClusterDialler {
  forget(change: Change): void;
  close(): Promise<void>;
}

export interface ClusterDoorOptions {
  readonly db: Db;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly policy: EgressPolicy;
}

/** openClusterDoor dials with the install's own ServiceAccount token, never with the registered credential. */
export function openClusterDoor(options: ClusterDoorOptions): ClusterDoor {
  const sessions = new ClusterSessions(options);
  return {
    forInstall: async (installId) => {
      const session = await sessions.forInstall(installId);
      return {
        server: new URL(session.server),
        dispatcher: session.dispatcher,
        dial: () => session.dial(),
        authorization: () => session.authorization(),
      };
    },
    refused: (installId) => sessions.dropToken(installId),
    forget: ({ kind, id }) => {
      if (kind === 'cluster' || kind === 'install') sessions.invalidate(kind, id);
    },
    close: () => sessions.close(),
  };
}
