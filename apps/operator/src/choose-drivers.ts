import type { Logger } from '@nm/adapters/telemetry';
import {
  BundleDriver,
  type OnExit,
  openDocker,
  ProcessDriver,
  type RuntimeDriver,
  realmOf,
} from '@nm/features/runtime';
import { hasCode } from '@nm/kernel/fault';
import type { OperatorConfig } from './config.js';

const bundleIdleMs = 300_000;

/**
 * chooseDrivers gives the runtimes that this operator may use, in order of preference, and says which and why.
 * @throws Fault runtime_unavailable when a container engine was asked for by name and does not answer
 */
export async function chooseDrivers(
  config: OperatorConfig,
  logger: Logger,
  onExit: OnExit,
): Promise<readonly RuntimeDriver[]> {
  return [...(await containersOrProcesses(config, logger, onExit)), bundles(config, onExit)];
}

/** Bundles are data, and their host is a program of ours: it is a process beside us, whatever runs the programs of publishers. */
const bundles = (config: OperatorConfig, onExit: OnExit): RuntimeDriver =>
  new BundleDriver({
    process: config.process,
    command: config.bundleHost.command,
    env: {
      NM_API_URL: config.urls.apiUrl,
      NM_GATEWAY_URL: config.urls.gatewayUrl,
      NM_JWKS_URL: `${config.urls.gatewayUrl}/.well-known/jwks.json`,
      NM_LOG_LEVEL: config.logLevel,
    },
    idleMs: bundleIdleMs,
    onExit,
  });

async function containersOrProcesses(
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
