import { hostname } from 'node:os';
import { Db } from '@nm/adapters/db';
import { createEgressAgent } from '@nm/adapters/egress';
import { openPublisher, Producer, type QueueTarget, queueTarget, WorkerHost } from '@nm/adapters/queue';
import { type Logger, startOpsServer } from '@nm/adapters/telemetry';
import { keyProviderOf, openVault } from '@nm/adapters/vault';
import {
  type AdvanceRequest,
  OutboxDispatcher,
  RunCancellations,
  type RunEngine,
  startRunCare,
  startRunSweeper,
  UrgentLane,
  workThrough,
} from '@nm/features/actions';
import { ClusterSessions, startClusterCare } from '@nm/features/clusters';
import { ContextKeys } from '@nm/features/context';
import { startEvidenceSweeper } from '@nm/features/rules';
import type { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import type { WorkerConfig } from './config.js';
import { drainWorker } from './drain-worker.js';
import { followChanges } from './follow-changes.js';
import { KamaAccess } from './kama-access.js';
import { type WorkerMetrics, workerMetrics } from './worker-metrics.js';

/** Redis channel on which gateways hear of changes. */
const changeChannel = 'nm:change';

export interface RunningWorker {
  readonly opsPort: number;
  /** Stops without losing work: what runs now is given back unless it ends in time. */
  stop(): Promise<void>;
}

/** startWorker takes runs from the queue and works on them until it is stopped. @throws Fault config_invalid, store_unavailable */
export async function startWorker(config: WorkerConfig, logger: Logger): Promise<RunningWorker> {
  const onError = (err: unknown) => logger.warn({ err }, 'something in the background failed');
  const databaseUrl = config.databaseUrl.reveal();
  const redisUrl = config.redisUrl?.reveal();
  const target = queueTarget(databaseUrl, redisUrl);
  const db = new Db({
    url: databaseUrl,
    poolMax: config.concurrency + 8,
    // Half of the slots: the database works for these while this process works for the others.
    togetherMax: Math.max(8, Math.ceil(config.concurrency / 2)),
    applicationName: 'nmachine-worker',
    onPoolError: onError,
  });
  const vault = await openVault({ db, keys: keyProviderOf(config.masterKeys, clock) });
  const clusterDeps = { db, vault, policy: config.egress, clock };
  const sessions = new ClusterSessions(clusterDeps);
  const cancellations = new RunCancellations({ url: databaseUrl, onError });
  const egress = createEgressAgent(config.egress);
  const keys = await ContextKeys.open({ db, vault, clock });
  const kamas = new KamaAccess({ db, keys, gatewayUrl: config.gatewayUrl });
  const worker = `${hostname()}/${process.pid}/${newId('request').slice(-6)}`;
  const metrics = workerMetrics();
  const engine: RunEngine = {
    ...{ db, clock, vault, sessions, cancellations, egress, worker, leaseMs: config.leaseMs },
    kamaOf: (run) => kamas.of(run),
    onFault: (err: Fault, runId: string): void => logger.error({ err, runId }, 'a run met a fault of ours'),
  };
  const host = await startHost(config, target, engine, logger, metrics);
  const lane = new UrgentLane({
    ...{ engine, cancellations, onError },
    onAdvanced: (worked) => logger.info(worked, 'urgent run advanced'),
  });
  const producer = new Producer({ target, onError });
  const publisher = redisUrl ? openPublisher(redisUrl, onError) : undefined;
  const advance = (requests: readonly AdvanceRequest[]) => producer.addAll('advance-run', requests);
  const publish = publisher && ((message: string) => publisher.publish(changeChannel, message));
  const dispatcher = new OutboxDispatcher({ db, clock, advance, publish, onError });
  const sweeper = startRunSweeper({
    ...{ db, clock, advance, onError, everyMs: config.sweepMs },
    takeUp: (runId) => lane.take(runId),
  });
  const runCare = startRunCare({ db, clock, vault, onError });
  const evidence = startEvidenceSweeper({ db, clock, onError });
  const care = startClusterCare({ ...clusterDeps, ...config.clusterCare, sessions, onError });
  const changes = followChanges(databaseUrl, sessions, keys, onError);
  const ops = await startOpsServer({
    app: 'worker',
    host: config.opsHost,
    port: config.opsPort,
    check: () => db.ping().then(() => undefined),
  });
  metrics.register(ops.registry, host);
  ops.setReady(true);
  logger.info({ worker, queue: target.kind, concurrency: config.concurrency, opsPort: ops.port }, 'worker started');

  const { drainMs } = config;
  const stop = () =>
    drainWorker({
      ...{ logger, clock, drainMs, host },
      unready: () => ops.setReady(false),
      first: [sweeper, lane, runCare, evidence, care],
      // A run that was given back left a row in the outbox; this or another worker's dispatcher passes it on.
      after: [dispatcher, cancellations, changes],
      last: [producer, ...(publisher ? [publisher] : []), sessions, kamas, { close: () => egress.destroy() }, db, ops],
    });
  return { opsPort: ops.port, stop };
}

/** startHost takes jobs and works on them. */
function startHost(
  config: WorkerConfig,
  target: QueueTarget,
  engine: RunEngine,
  logger: Logger,
  metrics: WorkerMetrics,
): Promise<WorkerHost> {
  const { tenantRunsMax } = config;
  return WorkerHost.start({
    target,
    concurrency: config.concurrency,
    strict: config.production,
    onError: (err) => logger.warn({ err }, 'the queue reported a problem'),
    onWarning: (warning) => logger.warn(warning),
    handlers: {
      'advance-run': ({ runId }, { signal: stop, takesMore }) => {
        const around: typeof metrics.working = async (work) => {
          const worked = await metrics.working(work);
          logger.info(worked, 'run advanced');
          return worked;
        };
        return workThrough({ ...engine, tenantRunsMax }, runId, { stop, takesMore, around });
      },
    },
  });
}
