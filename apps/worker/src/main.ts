import { createLogger } from '@nm/adapters/telemetry';
import { isFault } from '@nm/kernel/fault';
import { workerConfig } from './config.js';
import { startWorker } from './start-worker.js';

try {
  const config = workerConfig();
  const logger = createLogger('worker', config.logLevel);
  const worker = await startWorker(config, logger);
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    void worker.stop().then(
      () => process.exit(0),
      (err: unknown) => {
        logger.error({ err }, 'stop failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
} catch (error) {
  console.error(isFault(error) ? `${error.publicMessage}\n${error.message}` : error);
  process.exit(1);
}
