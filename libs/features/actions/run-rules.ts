import type { ProgressNode, RunStatus, StepStatus } from '@nm/kernel/contracts';
import type { Code } from '@nm/kernel/fault';

/** A run in one of these never changes again. */
export type TerminalStatus = Exclude<RunStatus, 'queued' | 'running' | 'waiting'>;

const terminal: ReadonlySet<RunStatus> = new Set<TerminalStatus>(['positive', 'negative', 'cancelled', 'timed_out']);

export const isTerminal = (status: RunStatus): status is TerminalStatus => terminal.has(status);

/** What a worker knows of a run when it wants to take it, read under the install's lock. */
export interface ClaimFacts {
  readonly status: RunStatus;
  /** The worker that has it has not been heard of for the length of its lease. */
  readonly leaseExpired: boolean;
  /** Another run of the install is running, or waits in the middle of its work. */
  readonly busy: boolean;
  /** Another run of the install is queued before it. */
  readonly behind: boolean;
  /** The cluster's owner lets no run begin; what has begun goes on. */
  readonly paused: boolean;
  /** The cluster is known not to answer, and the plan wants to wait for it. */
  readonly away: boolean;
  /** It would change something, and now is no maintenance window; what has begun goes on. */
  readonly closed: boolean;
}

export type ClaimDecision = 'claim' | 'ended' | 'held' | 'busy' | 'behind' | 'waits' | 'paused' | 'away' | 'closed';

/** decideClaim says whether a worker may take a run: never an ended one, never beside another of the install, and in order of creation. */
export function decideClaim({ status, leaseExpired, busy, behind, paused, away, closed }: ClaimFacts): ClaimDecision {
  if (isTerminal(status)) return 'ended';
  if (status === 'waiting') return 'waits';
  if (status === 'running' && !leaseExpired) return 'held';
  if (busy) return 'busy';
  if (status !== 'queued') return 'claim';
  if (behind) return 'behind';
  if (paused) return 'paused';
  return away ? 'away' : closed ? 'closed' : 'claim';
}

export type CancelDecision = 'cancel-now' | 'ask-worker' | 'ended';

/** decideCancel: what nobody has begun ends at once; whoever works on it, or will when it has waited, is asked to stop, and undoes what was done. */
export function decideCancel({
  status,
  begun,
}: {
  readonly status: RunStatus;
  readonly begun: boolean;
}): CancelDecision {
  if (isTerminal(status)) return 'ended';
  return begun ? 'ask-worker' : 'cancel-now';
}

/** What becomes of a run when its work stops with a fault: an end, or somebody else goes on with it. */
export type Verdict = TerminalStatus | 'release' | 'abandon';

/**
 * verdictOf maps the fault that stopped the work. `release`: we are shutting down, and give the run back. `abandon`: it is not ours any more,
 * or cannot be recorded; nothing is written, and the lease brings it to somebody else.
 */
export function verdictOf(code: Code): Verdict {
  switch (code) {
    case 'run_cancelled':
      return 'cancelled';
    case 'run_timeout':
      return 'timed_out';
    case 'draining':
      return 'release';
    case 'run_lost':
    case 'store_unavailable':
      return 'abandon';
    default:
      return 'negative';
  }
}

/**
 * isOurs tells a fault that says nothing of what was tried, but that this worker cannot go on: the step has not failed, and whoever takes the run next does it again.
 */
export const isOurs = (code: Code): boolean => verdictOf(code) === 'abandon' || verdictOf(code) === 'release';

/** nodeStatusOf says a status in the four words that KAMA clients know. */
export function nodeStatusOf(status: RunStatus | StepStatus): ProgressNode['status'] {
  switch (status) {
    case 'idle':
    case 'queued':
      return 'idle';
    case 'running':
    case 'waiting':
      return 'running';
    case 'positive':
    case 'skipped':
      return 'positive';
    default:
      return 'negative';
  }
}
