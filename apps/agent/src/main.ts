import { createLogger, startOpsServer } from '@nm/adapters/telemetry';
import { isFault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { agentConfig } from './config.js';
import { runAgent } from './run-agent.js';

try {
  const config = agentConfig();
  const log = createLogger('agent', config.logLevel);
  let open = false;
  const ops = await startOpsServer({
    app: 'agent',
    host: config.opsHost,
    port: config.opsPort,
    check: async () => (open ? undefined : 'there is no tunnel'),
  });
  ops.setReady(true);
  const agent = runAgent(config, {
    clock: systemClock,
    log,
    onTunnel: (stands) => {
      open = stands;
    },
  });
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping');
    void agent.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
} catch (error) {
  console.error(isFault(error) ? `${error.publicMessage}\n${error.message}` : error);
  process.exit(1);
}
