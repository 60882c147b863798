import type { WorkerHost } from '@nm/adapters/queue';
import type { Worked } from '@nm/features/actions';
import { systemClock } from '@nm/kernel/time';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const secondsBuckets = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600];

export type WorkerMetrics = ReturnType<typeof workerMetrics>;

/** workerMetrics counts what the worker does; `register` puts it on /metrics. */
export function workerMetrics() {
  const outcomes = new Counter({
    name: 'nm_run_outcomes_total',
    help: 'What came of jobs that advance runs',
    labelNames: ['outcome'],
    registers: [],
  });
  const active = new Gauge({ name: 'nm_runs_active', help: 'Runs that this worker works on', registers: [] });
  const seconds = new Histogram({
    name: 'nm_run_work_seconds',
    help: 'How long this worker worked on a run at a stretch',
    buckets: secondsBuckets,
    registers: [],
  });
  return {
    working: async (work: () => Promise<Worked>): Promise<Worked> => {
      const beganMs = systemClock.monotonicMs();
      active.inc();
      try {
        const worked = await work();
        outcomes.inc({ outcome: worked.outcome });
        return worked;
      } finally {
        active.dec();
        seconds.observe((systemClock.monotonicMs() - beganMs) / 1000);
      }
    },
    register: (registry: Registry, host: WorkerHost): void => {
      for (const metric of [outcomes, active, seconds]) registry.registerMetric(metric as Counter);
      registry.registerMetric(
        new Gauge({
          name: 'nm_last_job_age_seconds',
          help: 'Seconds since a job was taken; -1 before the first',
          registers: [],
          collect() {
            const ageMs = host.sinceLastJobMs;
            this.set(ageMs === undefined ? -1 : ageMs / 1000);
          },
        }) as unknown as Counter,
      );
    },
  };
}
