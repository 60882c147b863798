import { claimChecks, claimRotations } from './claim-due.js';
import { probeCluster } from './probe-cluster.js';
import { recordCheck } from './record-check.js';
import type { RotateDeps } from './rotate-credential.js';
import { rotateCredential } from './rotate-credential.js';
import { withPermissions } from './watch-permissions.js';

export interface ClusterCareOptions extends RotateDeps {
  readonly onError: (error: unknown) => void;
  /** Between two checks of a cluster. */
  readonly checkEveryMs: number;
  /** Between two looks at a cluster's permissions; an hour when left out. */
  readonly permissionsEveryMs?: number;
  /** How long history is kept. */
  readonly keepMs: number;
  /** Clusters that are worked on at the same time. */
  readonly lanes?: number;
}

const permissionsMsDefault = 3_600_000;
const lanesDefault = 8;
const batch = 100;
const tickMs = 2_000;
const pruneEveryTicks = 300;

/** careOnce checks and rotates what is due, a batch of each; one that does not answer holds up its own lane and nobody else's. Gives how many there were. */
export async function careOnce(options: ClusterCareOptions): Promise<number> {
  const checks = (await claimChecks(options, options.checkEveryMs, batch)).map(({ id }) => async () => {
    const seen = await probeCluster(options.sessions, options.clock, id);
    const facts = await withPermissions(options, id, seen, options.permissionsEveryMs ?? permissionsMsDefault);
    await options.db.asSystem((tx) => recordCheck(tx, options.clock, id, facts));
  });
  const rotations = (await claimRotations(options, batch)).map(
    ({ id }) =>
      () =>
        rotateCredential(options, id),
  );
  const jobs: (() => Promise<unknown>)[] = [...rotations, ...checks];
  const count = jobs.length;
  const lane = async (): Promise<void> => {
    for (let job = jobs.shift(); job; job = jobs.shift()) await job().catch(options.onError);
  };
  await Promise.all(Array.from({ length: options.lanes ?? lanesDefault }, lane));
  return count;
}

/** pruneChecks forgets history that is older than `keepMs`. */
export const pruneChecks = ({ db, clock, keepMs }: ClusterCareOptions): Promise<number> =>
  db.asSystem(async (tx) => {
    const { count } = await tx.clusterCheck.deleteMany({ where: { at: { lt: new Date(clock.nowMs() - keepMs) } } });
    return count;
  });

/** startClusterCare looks after every cluster until it is closed. Workers share the work by the rows. */
export function startClusterCare(options: ClusterCareOptions): { close(): Promise<void> } {
  const stop = new AbortController();
  const loop = (async () => {
    for (let tick = 0; !stop.signal.aborted; tick++) {
      if (tick % pruneEveryTicks === 0) await pruneChecks(options).catch(options.onError);
      const done = await careOnce(options).catch(options.onError);
      if (done !== batch) await options.clock.sleep(tickMs, stop.signal).catch(() => undefined);
    }
  })();
  return {
    close: async () => {
      stop.abort();
      await loop;
    },
  };
}
