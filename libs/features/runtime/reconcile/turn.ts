import type { Logger } from '@nm/adapters/telemetry';
import type { Clock } from '@nm/kernel/time';
import type { KamaUrls } from '../kama-environment.js';
import type { ClusterLoans } from '../loans/cluster-loans.js';
import type { DriverName, RuntimeDriver } from '../runtime-driver.js';
import type { InstanceFacts } from './instance-facts.js';
import type { InstanceStore } from './instance-store.js';

/** What every reconciliation works with. */
export interface ReconcileTools {
  readonly store: InstanceStore;
  /** In order of preference. */
  readonly drivers: readonly RuntimeDriver[];
  readonly urls: KamaUrls;
  /** Gives instances that serve one install their credential for its cluster. */
  readonly loans: ClusterLoans;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
  /** Number in [0, 1), for jitter. */
  readonly random: () => number;
}

/** One pass over one instance. */
export interface Turn extends ReconcileTools {
  readonly facts: InstanceFacts;
  /** Now by the database's clock. */
  nowMs(): number;
  /** Aborted as soon as something about this instance has changed, so that waiting ends and the next pass sees it. */
  readonly changed: AbortSignal;
}

/**
 * Verdict of a phase: `next` lets the following phase look; `done` ends the pass; `again` repeats it from the start, with fresh facts;
 * a number ends it and asks for another one after so many milliseconds.
 */
export type Verdict = 'next' | 'done' | 'again' | { readonly againInMs: number };

export type Phase = (turn: Turn) => Promise<Verdict>;

/** driverOf finds the driver that made a handle. */
export const driverOf = (turn: ReconcileTools, name: DriverName): RuntimeDriver | undefined =>
  turn.drivers.find((driver) => driver.name === name);
