import { Db } from '@nm/adapters/db';
import { type Logger, startOpsServer } from '@nm/adapters/telemetry';
import { keyProviderOf, openVault } from '@nm/adapters/vault';
import { ContextKeys } from '@nm/features/context';
import { drain, EventStreams, listenOn } from '@nm/features/http';
import type { Clock } from '@nm/kernel/time';
import { bundleCompiler } from './apps/vet-bundle.js';
import { createApi } from './create-api.js';
import type { ApiConfig } from './platform/api-config.js';

export interface RunningApi {
  /** Stops without cutting a request; resolves when everything is closed. */
  drain(): Promise<void>;
}

/** runApi starts the control plane as configured. @throws Fault store_unavailable, seal_broken, config_invalid (a port that is taken) */
export async function runApi(config: ApiConfig, logger: Logger, clock: Clock): Promise<RunningApi> {
  const db = new Db({
    url: config.databaseUrl.reveal(),
    applicationName: 'nmachine-api',
    onPoolError: (err) => logger.warn({ err }, 'database connection lost'),
  });
  const check = () => db.ping().then(() => undefined);
  const ops = await startOpsServer({ app: 'api', host: config.opsHost, port: config.opsPort, check });
  const vault = await openVault({ db, keys: keyProviderOf(config.masterKeys, clock) });
  const contextKeys = await ContextKeys.open({ db, vault, clock });
  const streams = new EventStreams();
  const compiler = bundleCompiler();
  const { app } = await createApi({ config, logger, clock, db, vault, contextKeys, streams, compiler });
  const listening = await listenOn(app, config.hosts, config.port);
  ops.setReady(true);
  logger.info({ hosts: config.hosts, port: listening.port, opsPort: ops.port }, 'listening');
  return {
    drain: () =>
      drain({
        logger,
        clock,
        drainMs: config.drainMs,
        listening,
        streams,
        unready: () => ops.setReady(false),
        close: [() => app.close(), () => compiler.close(), () => db.close(), () => ops.close()],
      }),
  };
}
