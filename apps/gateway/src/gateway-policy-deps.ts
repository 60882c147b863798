import type { Clock } from '@nm/kernel/time';
import type { AccessLog } from './access-log.js';
import type { AppRouteDeps } from './app-route.js';
import type { ClusterRouteDeps } from './cluster-route.js';
import type { DecisionNotes } from './decision-notes.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import type { RequestSpans } from './request-spans.js';

/** What the policy decides with, for each kind of request. */
export interface GatewayPolicyDeps {
  readonly app: AppRouteDeps;
  readonly cluster: ClusterRouteDeps;
  /** Where Nest answers the gateway's own routes: `http://host:port`. */
  readonly ownOrigin: string;
  readonly notes: DecisionNotes;
  readonly log: AccessLog;
  readonly metrics: GatewayMetrics;
  /** Set when spans are exported. */
  readonly spans: RequestSpans | undefined;
  readonly clock: Clock;
}
