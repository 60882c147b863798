import { createLogger, startOpsServer } from '@nm/adapters/telemetry';
import { isFault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { agentMetrics } from './agent-metrics.js';
import { agentConfig } from './config.js';
import { type RunningAgent, runAgent } from './run-agent.js';

try {
  const config = agentConfig();
  const log = createLogger('agent', config.logLevel);
  let agent: RunningAgent | undefined;
  const ops = await startOpsServer({
    app: 'agent',
    host: config.opsHost,
    port: config.opsPort,
    check: async () => agent?.trouble,
  });
  const metrics = agentMetrics(
    ops.registry,
    () => agent !== undefined && agent.trouble === undefined,
    () => agent?.streams ?? 0,
  );
  agent = runAgent(config, { clock: systemClock, log, metrics });
  ops.setReady(true);
  log.info({ url: config.url, replica: config.replica, opsPort: ops.port }, 'agent started');
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping');
    void agent?.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
} catch (error) {
  console.error(isFault(error) ? `${error.publicMessage}\n${error.message}` : error);
  process.exit(1);
}
