import 'reflect-metadata';
import { createLogger } from '@nm/adapters/telemetry';
import { isFault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { readConfig } from './config.js';
import { startGateway } from './start-gateway.js';

try {
  const config = readConfig();
  const log = createLogger('gateway', config.logLevel);
  const gateway = await startGateway(config, { clock: systemClock, log });
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    gateway.drain().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'drain failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
} catch (error) {
  console.error(isFault(error) ? `${error.publicMessage}\n${error.message}` : error);
  process.exit(1);
}
