import { createLogger } from '@nm/adapters/telemetry';
import { isFault } from '@nm/kernel/fault';
import { readConfig } from './config.js';
import { startOperator } from './operator.js';

try {
  const config = readConfig();
  const logger = createLogger('operator', config.logLevel);
  const operator = await startOperator(config, logger);
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      void operator.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          logger.error({ err: error }, 'stop failed');
          process.exit(1);
        },
      );
    });
} catch (error) {
  console.error(isFault(error) ? error.publicMessage : error);
  process.exit(1);
}
