import type { Db } from '@nm/adapters/db';
import type { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { Agent } from 'undici';
import type { PlanVault } from '../plan/sealed-plan.js';
import type { ClusterSession, KamaDoor } from '../steps/step-context.js';
import type { Cancellations } from './run-control.js';

/** RunSessions opens the clusters that runs work on. */
export interface RunSessions {
  /** By the registered credential; for what NMachine itself does. */
  forCluster(clusterId: string): Promise<ClusterSession>;
  /** As the install's own ServiceAccount; for what a publisher wrote. */
  forInstall(installId: string): Promise<ClusterSession>;
}

/** Whose KAMA is asked. */
export interface RunOfKama {
  readonly id: string;
  readonly orgId: string;
  readonly installId: string;
}

export interface RunEngine {
  readonly db: Db;
  readonly clock: Clock;
  /** Opens the plans of runs, and seals those of their children. */
  readonly vault: PlanVault;
  readonly sessions: RunSessions;
  readonly cancellations: Cancellations;
  /** The KAMA of a run's install, for steps that ask it; absent where there is no way to one. */
  readonly kamaOf?: ((run: RunOfKama) => KamaDoor) | undefined;
  /** Dials what a plan names by URL. */
  readonly egress: Agent;
  /** Name of this worker; for people. */
  readonly worker: string;
  /** How long a worker that is not heard of keeps its runs, in milliseconds. */
  readonly leaseMs: number;
  /** Told of faults that are ours, and of what a run's end could not record. */
  readonly onFault: (fault: Fault, runId: string) => void;
}
