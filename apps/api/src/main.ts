import { Db } from '@nm/adapters/db';
import { createLogger, startOpsServer } from '@nm/adapters/telemetry';
import { Vault } from '@nm/adapters/vault';
import { ContextKeys } from '@nm/features/context';
import { drain, EventStreams, listenOn } from '@nm/features/http';
import { systemClock as clock } from '@nm/kernel/time';
import { createApi } from './create-api.js';
import { apiConfig } from './platform/api-config.js';

const config = apiConfig();
const logger = createLogger('api', config.logLevel);
const db = new Db({
  url: config.databaseUrl.reveal(),
  applicationName: 'nmachine-api',
  onPoolError: (err) => logger.warn({ err }, 'database connection lost'),
});
const ops = await startOpsServer({
  app: 'api',
  host: config.opsHost,
  port: config.opsPort,
  check: () => db.ping().then(() => undefined),
});
const vault = new Vault(config.masterKey.reveal());
const contextKeys = await ContextKeys.open({ db, vault, clock });
const streams = new EventStreams();
const { app } = await createApi({ config, logger, clock, db, vault, contextKeys, streams });
const { servers, port } = await listenOn(app, config.hosts, config.port);
ops.setReady(true);
logger.info({ hosts: config.hosts, port, opsPort: ops.port }, 'listening');

let draining = false;
const stop = (signal: NodeJS.Signals): void => {
  if (draining) return;
  draining = true;
  logger.info({ signal }, 'stopping');
  void drain({
    logger,
    clock,
    drainMs: config.drainMs,
    servers,
    streams,
    unready: () => ops.setReady(false),
    close: [() => app.close(), () => db.close(), () => ops.close()],
  }).then(() => process.exit(0));
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
