import type { Logger } from '@nm/adapters/telemetry';
import { type OnExit, openDocker, ProcessDriver, type RuntimeDriver, realmOf } from '@nm/features/runtime';
import { hasCode } from '@nm/kernel/fault';
import type { OperatorConfig } from './config.js';

/**
 * chooseDrivers gives the runtimes that this operator may use, in order of preference, and says which and why.
 * @throws Fault runtime_unavailable when a container engine was asked for by name and does not answer
 */
export async function chooseDrivers(
  config: OperatorConfig,
  logger: Logger,
  onExit: OnExit,
): Promise<readonly RuntimeDriver[]> {
  const processes = () => new ProcessDriver({ ...config.process, onExit });
  if (config.drivers === 'auto') {
    try {
      return [await docker(config, logger, onExit)];
    } catch (error) {
      if (!hasCode(error, 'runtime_unavailable')) throw error;
      logger.info({ reason: error.publicMessage }, 'KAMAs run as processes, apart from each other but not confined');
      return [processes()];
    }
  }
  const drivers: RuntimeDriver[] = [];
  for (const name of config.drivers.split(','))
    drivers.push(name === 'docker' ? await docker(config, logger, onExit) : processes());
  return drivers;
}

async function docker(config: OperatorConfig, logger: Logger, onExit: OnExit): Promise<RuntimeDriver> {
  const realm = realmOf(config.databaseUrl.reveal());
  const { driver, warnings } = await openDocker({ ...config.docker, realm, onExit });
  logger.info({ socket: config.docker.socketPath, network: config.docker.network }, 'KAMAs run as containers');
  for (const warning of warnings) logger.warn(`this container engine cannot keep a limit: ${warning}`);
  return driver;
}
