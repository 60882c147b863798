import type { V1CronJob, V1Job } from '@kubernetes/client-node';
import { randomFraction } from '@nm/kernel/ids';
import { NamespacedQuery } from '../query/namespaced-query.js';
import { createObject } from '../write/create-object.js';
import { jobs as jobSpec } from './job.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { childrenOf, eventsOf } from './relations.js';
import { Resource } from './resource.js';

const jobsOf = childrenOf('jobs', 'jobs of cron jobs');

/** CronJob wraps a cron job. */
export class CronJob extends Resource<Json<V1CronJob>> {
  get schedule(): string {
    return this.raw.spec?.schedule ?? '';
  }
  get isSuspended(): boolean {
    return this.raw.spec?.suspend ?? false;
  }
  get lastScheduledAt(): Date | undefined {
    const text = this.raw.status?.lastScheduleTime;
    return text ? new Date(text) : undefined;
  }
  get active(): number {
    return this.raw.status?.active?.length ?? 0;
  }
  jobs(): KindMap['jobs'] {
    return this.related(jobsOf);
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
  /** run starts a job of its template now, as `kubectl create job --from` does, and gives the job's name. */
  async run(name = `${this.name.slice(0, 42)}-manual-${suffix()}`): Promise<string> {
    const template = this.raw.spec?.jobTemplate;
    const { apiVersion, kind, uid } = this;
    const metadata = {
      name,
      labels: template?.metadata?.labels ?? {},
      annotations: { ...template?.metadata?.annotations, 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [{ apiVersion, kind, name: this.name, uid, controller: true }],
    };
    const { session, fieldManager } = this.kat;
    const body = { metadata, spec: template?.spec };
    const made = await createObject<Json<V1Job>>(session, jobSpec.facts, this.ns, body, { fieldManager });
    return made.metadata?.name ?? name;
  }
}

const suffix = (): string => Math.floor(randomFraction() * 36 ** 6).toString(36);

/** CronJobQuery narrows cron jobs. */
export class CronJobQuery extends NamespacedQuery<CronJob, 'jobs' | 'events'> {
  suspended(): this {
    return this.refine('suspended()', (cronJob) => cronJob.isSuspended);
  }
  jobs(): KindMap['jobs'] {
    return this.related(jobsOf);
  }
}

export const cronJobs: KindSpec<CronJob, CronJobQuery> = {
  facts: {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    resource: 'cronjobs',
    namespaced: true,
    aliases: ['cj'],
    serverFields: {},
  },
  wrap: CronJob,
  query: CronJobQuery,
  relations: { jobs: jobsOf, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    cronjobs: CronJobQuery;
  }
}
