import type { ClusterHealth } from '@nm/kernel/contracts';
import { hasCode, isFault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { ClusterSessions } from '../cluster-sessions.js';
import type { HealthFacts } from './record-check.js';

const answerMs = 8_000;

/** probeCluster asks a cluster for its version. A cluster that does not answer is a result, not an error. @throws what is no fault of the cluster's */
export async function probeCluster(sessions: ClusterSessions, clock: Clock, id: string): Promise<HealthFacts> {
  try {
    const session = await sessions.forCluster(id);
    const startedMs = clock.monotonicMs();
    const { gitVersion } = await session.request<{ gitVersion?: string }>('GET', '/version', { timeoutMs: answerMs });
    return {
      health: 'reachable',
      message: 'The cluster answers.',
      version: gitVersion,
      latencyMs: Math.round(clock.monotonicMs() - startedMs),
    };
  } catch (error) {
    // Everybody may read the version of most clusters; one that forbids it is reachable all the same.
    if (hasCode(error, 'cluster_forbidden')) return { health: 'reachable', message: 'The cluster answers.' };
    const health = healthOf(error);
    if (!health || !isFault(error)) throw error;
    return { health, message: error.publicMessage };
  }
}

/** healthOf is what a fault says of the cluster; undefined when it says nothing. */
export function healthOf(error: unknown): ClusterHealth | undefined {
  if (hasCode(error, 'cluster_unauthorized')) return 'unauthorized';
  const isAway = hasCode(error, 'cluster_unreachable') || hasCode(error, 'egress_denied') || hasCode(error, 'kube_api');
  return isAway ? 'unreachable' : undefined;
}
