import type { Logger } from '@nm/adapters/telemetry';
import { type OnExit, ProcessDriver, type RuntimeDriver } from '@nm/features/runtime';
import type { OperatorConfig } from './config.js';

/** chooseDrivers gives the runtimes that this operator may use, in order of preference, and says which and why. */
export async function chooseDrivers(
  config: OperatorConfig,
  logger: Logger,
  onExit: OnExit,
): Promise<readonly RuntimeDriver[]> {
  logger.info({ drivers: config.drivers }, 'KAMAs run as processes');
  return [new ProcessDriver({ ...config.process, onExit })];
}
