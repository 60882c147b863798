import type { Clock } from '@nm/kernel/time';
import type { OwnCluster } from './own-cluster.js';

/** What a step of a run works with. */
export interface Workplace {
  readonly cluster: OwnCluster;
  readonly namespace: string;
  readonly clock: Clock;
  /** Looks whether predicates of the app hold: undefined when all do, else why one does not. */
  readonly check: (predicates: readonly unknown[], signal: AbortSignal) => Promise<string | undefined>;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}
