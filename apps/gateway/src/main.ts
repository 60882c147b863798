import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { environment } from '@nm/adapters/config';
import { createLogger, type Logger } from '@nm/adapters/telemetry';
import { isFault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { type GatewayConfig, readConfig } from './config.js';
import type { Gateway } from './start-gateway.js';
import { supervise } from './supervise.js';

/** startProcesses runs this program again, several times, each told which one it is. */
function startProcesses({ processes }: GatewayConfig, log: Logger): () => Promise<void> {
  const [program = '', ...args] = process.argv.slice(1);
  const supervisor = supervise({
    processes,
    clock: systemClock,
    log,
    start: (index) =>
      spawn(process.execPath, [...process.execArgv, program, ...args], {
        env: { ...environment(), NM_GATEWAY_PROCESS: String(index) },
        stdio: ['ignore', 'inherit', 'inherit'],
      }),
  });
  log.info({ processes }, 'gateway processes started');
  return () => supervisor.stop();
}

/** A supervisor serves nobody: it does without all that a gateway needs in memory. */
async function serve(config: GatewayConfig, log: Logger): Promise<Gateway> {
  const { startGateway } = await import('./start-gateway.js');
  return startGateway(config, { clock: systemClock, log });
}

try {
  const config = readConfig();
  const log = createLogger('gateway', config.logLevel);
  const several = config.processes > 1 && config.process === undefined;
  const gateway = several ? undefined : await serve(config, log);
  const drain = gateway ? () => gateway.drain() : startProcesses(config, log);
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    drain().then(
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
