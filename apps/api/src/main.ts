import { createLogger } from '@nm/adapters/telemetry';
import { isFault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { apiConfig } from './platform/api-config.js';
import { runApi } from './run-api.js';

try {
  const config = apiConfig();
  const logger = createLogger('api', config.logLevel);
  const api = await runApi(config, logger, systemClock);
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    api.drain().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'drain failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
} catch (error) {
  console.error(isFault(error) ? error.publicMessage : error);
  process.exit(1);
}
