import { Db } from '@nm/adapters/db';
import { type Logger, startOpsServer } from '@nm/adapters/telemetry';
import {
  ClusterLoans,
  type Host,
  InstanceStore,
  lendByApi,
  operatorIsDead,
  operatorName,
  startHost,
} from '@nm/features/runtime';
import { randomFraction } from '@nm/kernel/ids';
import { systemClock } from '@nm/kernel/time';
import { chooseDrivers } from './choose-drivers.js';
import type { OperatorConfig } from './config.js';

/** So long after its last sign of life an operator on another machine counts as dead. Milliseconds. */
const leaseMs = 15_000;
const resyncMs = 10_000;
const saveLogsMs = 3_000;
const backoff = { baseMs: 1_000, maxMs: 60_000 };
/** Left of the drain time after the instances, to write down that they have stopped. */
const bookkeepingMs = 500;

/** startOperator hosts KAMAs until it is stopped; then nothing that it started is left. */
export async function startOperator(config: OperatorConfig, logger: Logger): Promise<{ stop(): Promise<void> }> {
  const db = new Db({
    url: config.databaseUrl.reveal(),
    applicationName: 'nmachine-operator',
    onPoolError: (error) => logger.warn({ err: error }, 'a database connection broke'),
  });
  let host: Host | undefined;
  const drivers = await chooseDrivers(config, logger, (id) => host?.exited(id));
  const owner = operatorName();
  const store = new InstanceStore({ db, owner, leaseMs, isDead: operatorIsDead });
  const { urls } = config;
  const lend = lendByApi(urls.apiUrl);
  host = startHost({
    db,
    store,
    loans: new ClusterLoans({ store, lend, urls, clock: systemClock, logger }),
    drivers,
    urls,
    clock: systemClock,
    random: randomFraction,
    logger,
    graceMs: config.graceMs,
    backoff,
    leaseMs,
    resyncMs,
    saveLogsMs,
  });
  const running = host;
  const ops = await startOpsServer({
    app: 'operator',
    host: config.opsHost,
    port: config.opsPort,
    check: async () => (running.isListening() ? undefined : 'not connected to the database'),
  });
  ops.setReady(true);
  logger.info({ owner, drivers: drivers.map((driver) => driver.name), opsPort: ops.port }, 'operator started');
  return {
    stop: async () => {
      ops.setReady(false);
      logger.info('stopping every instance');
      await running.stop(Math.max(0, Math.min(config.graceMs, config.drainMs - bookkeepingMs)));
      for (const driver of drivers) await driver.close();
      await ops.close();
      await db.close();
      logger.info('operator stopped');
    },
  };
}
