import type { V1Job } from '@kubernetes/client-node';
import { NamespacedQuery } from '../query/namespaced-query.js';
import { jobCompletions, jobStatus } from '../state/workload-status.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { childrenOf, eventsOf, ownersOf } from './relations.js';
import { Resource, type Ternary } from './resource.js';

const podsOf = childrenOf('pods', 'pods of jobs');
const cronJobsOf = ownersOf('cronjobs', 'CronJob', 'cron jobs of jobs');

/** Job wraps a job. */
export class Job extends Resource<Json<V1Job>> {
  /** status is kubectl's column STATUS: `Running`, `Complete`, `Failed`, `Suspended`. */
  get status(): string {
    return jobStatus(this.raw);
  }
  get completions(): string {
    return jobCompletions(this.raw);
  }
  get succeeded(): number {
    return this.raw.status?.succeeded ?? 0;
  }
  get failed(): number {
    return this.raw.status?.failed ?? 0;
  }
  /** Why it failed: `BackoffLimitExceeded`, `DeadlineExceeded`. */
  get failure(): string | undefined {
    return this.raw.status?.conditions?.find(({ type, status }) => type === 'Failed' && status === 'True')?.reason;
  }
  override get ternaryStatus(): Ternary {
    if (this.status === 'Complete') return 'positive';
    return this.status === 'Failed' || this.status === 'FailureTarget' ? 'negative' : 'pending';
  }
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
  cronJobs(): KindMap['cronjobs'] {
    return this.related(cronJobsOf);
  }
  events(): KindMap['events'] {
    return this.related(eventsOf);
  }
  suspend(): Promise<this> {
    return this.patch({ spec: { suspend: true } });
  }
  resume(): Promise<this> {
    return this.patch({ spec: { suspend: false } });
  }
}

/** JobQuery narrows jobs. */
export class JobQuery extends NamespacedQuery<Job, 'pods' | 'cronJobs' | 'events'> {
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
}

export const jobs: KindSpec<Job, JobQuery> = {
  facts: {
    apiVersion: 'batch/v1',
    kind: 'Job',
    resource: 'jobs',
    namespaced: true,
    serverFields: { 'status.successful': { at: 'status.succeeded', absent: '0' } },
  },
  wrap: Job,
  query: JobQuery,
  relations: { pods: podsOf, cronJobs: cronJobsOf, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    jobs: JobQuery;
  }
}
