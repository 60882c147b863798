import { createHash } from 'node:crypto';
import type { Db } from '@nm/adapters/db';
import { type QueueRunDeps, queueRun } from '@nm/features/actions';
import { hasCode } from '@nm/kernel/fault';
import { JobReader } from './job-reader.js';

/** So many wait to be written at most; the gateway does not grow for a store that is away. */
const dueMax = 1_000;
const batch = 50;
/** A job is followed for an hour; see the step `follow-job`. */
const followSeconds = 3_600;

/** What may start a job of an install's KAMA. */
export interface JobRequest {
  readonly orgId: string;
  readonly licenceId: string;
  readonly installId: string;
  /** Method and path, for people. */
  readonly request: string;
}

interface StartedJob extends JobRequest {
  readonly jobId: string;
}

export interface JobBookOptions extends QueueRunDeps {
  readonly db: Pick<Db, 'withOrg'>;
  readonly onError: (error: unknown) => void;
}

/** JobBook records the jobs that KAMAs carry out themselves as runs: a worker follows each until it settles. */
export class JobBook {
  readonly #options: JobBookOptions;
  #due: StartedJob[] = [];

  constructor(options: JobBookOptions) {
    this.#options = options;
  }

  /** open reads the answer of a request that may start a job. */
  open(request: JobRequest): OpenJob {
    const reader = new JobReader();
    return {
      peek: (bytes, start, end) => reader.push(bytes, start, end),
      ended: (status) => {
        const jobId = status >= 200 && status < 300 ? reader.jobId : undefined;
        if (jobId !== undefined && this.#due.length < dueMax) this.#due.push({ ...request, jobId });
      },
    };
  }

  /** flush writes what is due; call it every second. What could not be written because the store is away is tried again. */
  async flush(): Promise<void> {
    const { db, onError } = this.#options;
    const jobs = this.#due.splice(0, batch);
    for (const [i, job] of jobs.entries())
      try {
        await db.withOrg(job.orgId, (tx) => queueRun(tx, followerOf(job), this.#options));
      } catch (error) {
        // The same job, named by the answer to another request.
        if (hasCode(error, 'idempotency_conflict')) continue;
        onError(error);
        if (!hasCode(error, 'store_unavailable')) continue;
        this.#due.unshift(...jobs.slice(i));
        return;
      }
  }
}

/** OpenJob watches one answer. */
export interface OpenJob {
  peek(bytes: Buffer, start: number, end: number): void;
  /** Told once, when the answer is over. */
  ended(status: number): void;
}

const followerOf = ({ jobId, request, orgId, licenceId, installId }: StartedJob) => ({
  ...{ orgId, licenceId, installId, startedBy: licenceId, kind: 'action' as const, action: 'kama-job' },
  title: request.slice(0, 200),
  plan: { steps: [{ kind: 'follow-job', title: 'Follow', job: jobId, timeoutSeconds: followSeconds }] },
  timeoutSeconds: followSeconds + 60,
  idempotencyKey: `kama-job:${createHash('sha256').update(jobId).digest('hex')}`,
});
