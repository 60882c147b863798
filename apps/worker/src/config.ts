import { commonConfig, loadConfig } from '@nm/adapters/config';
import { egressConfig } from '@nm/adapters/egress';
import { z } from 'zod';

const schema = z.object({
  /** Runs at the same time. */
  NM_WORKER_CONCURRENCY: z.coerce.number().int().min(1).max(200).default(8),
  /** Runs of one tenant at the same time, on all workers together. A little less than all slots leaves one for the next tenant. */
  NM_TENANT_RUNS_MAX: z.coerce.number().int().min(1).max(10_000).default(6),
  /** How long the runs of a worker that is not heard of stay with it. */
  NM_RUN_LEASE_MS: z.coerce.number().int().min(1_000).max(600_000).default(6_000),
  NM_SWEEP_MS: z.coerce.number().int().min(200).max(60_000).default(1_000),
  /** Between two looks at a registered cluster, and at what its credential may do; and how long what was seen is kept. */
  NM_CLUSTER_CHECK_SECONDS: z.coerce.number().int().min(1).max(86_400).default(300),
  NM_CLUSTER_PERMISSIONS_SECONDS: z.coerce.number().int().min(60).max(604_800).default(3_600),
  NM_CLUSTER_HISTORY_DAYS: z.coerce.number().int().min(1).max(365).default(14),
  /** Where the gateway is seen from the worker, for steps that ask a KAMA. */
  NM_WORKER_GATEWAY_URL: z.url().optional(),
  NODE_ENV: z.string().optional(),
});

export type WorkerConfig = ReturnType<typeof workerConfig>;

/** workerConfig reads the environment. @throws Fault config_invalid */
export function workerConfig(env?: Readonly<Record<string, string | undefined>>) {
  const {
    NM_WORKER_CONCURRENCY,
    NM_TENANT_RUNS_MAX,
    NM_RUN_LEASE_MS,
    NM_SWEEP_MS,
    NM_CLUSTER_CHECK_SECONDS,
    NM_CLUSTER_PERMISSIONS_SECONDS,
    NM_CLUSTER_HISTORY_DAYS,
    NM_WORKER_GATEWAY_URL,
    NODE_ENV,
    ...common
  } = loadConfig(z.intersection(commonConfig, schema), env);
  return {
    ...common,
    concurrency: NM_WORKER_CONCURRENCY,
    tenantRunsMax: NM_TENANT_RUNS_MAX,
    leaseMs: NM_RUN_LEASE_MS,
    sweepMs: NM_SWEEP_MS,
    clusterCare: {
      checkEveryMs: NM_CLUSTER_CHECK_SECONDS * 1000,
      permissionsEveryMs: NM_CLUSTER_PERMISSIONS_SECONDS * 1000,
      keepMs: NM_CLUSTER_HISTORY_DAYS * 86_400_000,
    },
    gatewayUrl: NM_WORKER_GATEWAY_URL ?? common.publicGatewayUrl,
    production: NODE_ENV === 'production',
    ...loadConfig(egressConfig, env),
  };
}
