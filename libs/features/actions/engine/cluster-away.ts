import type { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { clusterAwayText } from '../offline-runs.js';
import { RunWaits } from '../steps/run-waits.js';
import type { ClaimedRun } from './claim-run.js';

/**
 * clusterAway gives the wait that a plan wants when its cluster cannot be reached; undefined when it wants none, has waited long enough, or the fault is
 * another. What is being undone does not wait: it has a time of its own.
 */
export function clusterAway(fault: Fault, run: ClaimedRun, clock: Clock): RunWaits | undefined {
  const { waitForCluster } = run.plan;
  if (fault.code !== 'cluster_unreachable' || !waitForCluster || run.ending) return undefined;
  const untilMs = run.offlineUntil?.getTime() ?? clock.nowMs() + waitForCluster.seconds * 1000;
  return clock.nowMs() >= untilMs
    ? undefined
    : new RunWaits(new Date(untilMs), clusterAwayText, { reason: 'cluster_offline' });
}
