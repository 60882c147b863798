import { once } from 'node:events';
import { resolve } from 'node:path';
import { environment, loadConfig, Port } from '@nm/adapters/config';
import { createLogger } from '@nm/adapters/telemetry';
import { executableEngine, helmEngine, type Ktea, ProgramRunner, type TemplatingEngine } from '@nm/adapters/templating';
import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { CallerReader } from '../installs/caller.js';
import { createKteaServer, type KteaServerOptions } from '../ktea/ktea-server.js';

const schema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: Port.default(5005),
  /** As the servers before this one read it. */
  KTEA_EXECUTABLE: z.string().optional(),
  NM_APP_ID: z.string().optional(),
  NM_JWKS_URL: z.url().optional(),
  NM_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

export interface KteaServerFlags {
  /** A program that renders. */
  readonly exec?: string | undefined;
  /** A folder with a Helm chart. */
  readonly chart?: string | undefined;
  /** Where the program runs. */
  readonly cwd?: string | undefined;
  readonly allowArgs?: boolean | undefined;
}

const cacheChars = 64 * 1024 * 1024;

/** kteaServer serves an engine until SIGTERM. Hosted by NMachine, it answers only what came through the gateway. @throws Fault config_invalid */
export async function kteaServer(flags: KteaServerFlags): Promise<void> {
  const config = loadConfig(schema);
  const log = createLogger('ktea', config.NM_LOG_LEVEL);
  const { ktea, engineFor } = engineOf({ ...flags, exec: flags.exec ?? config.KTEA_EXECUTABLE });
  const server = createKteaServer({
    ...{ ktea, engineFor, log, cacheChars },
    // Helm's words go through a list of harmless ones; of another program, nobody knows what its words do.
    allowArgs: flags.allowArgs ?? flags.chart !== undefined,
    admit: admitOf(config.NM_JWKS_URL, config.NM_APP_ID),
  }).listen(config.PORT, config.HOST);
  await once(server, 'listening');
  log.info({ port: config.PORT, engine: ktea['uri'] }, 'serving');
  const stop = (): void => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
}

function engineOf({ exec, chart, cwd }: KteaServerFlags): Pick<KteaServerOptions, 'engineFor'> & { ktea: Ktea } {
  const runner = new ProgramRunner({ path: environment()['PATH'] ?? '', offline: chart !== undefined });
  if (chart !== undefined) {
    const found = { folder: resolve(chart) };
    const engineFor = (release: string): TemplatingEngine =>
      helmEngine({ runner, chart: () => found, release, namespace: release });
    return { engineFor, ktea: { type: 'helm', uri: chart } };
  }
  if (exec === undefined)
    throw new Fault('config_invalid', {
      public: 'Say what renders: --exec <program> (or KTEA_EXECUTABLE), or --chart <folder>.',
    });
  // A path is of this folder, wherever the program runs then; a name is looked for on PATH.
  const uri = exec.includes('/') ? resolve(exec) : exec;
  const folder = cwd === undefined ? {} : { cwd: resolve(cwd) };
  return {
    engineFor: (release) => executableEngine({ runner, release, ...folder }),
    ktea: { type: 'local_executable', uri },
  };
}

function admitOf(jwksUrl: string | undefined, appId: string | undefined): KteaServerOptions['admit'] {
  if (jwksUrl === undefined || appId === undefined) return () => Promise.resolve();
  const callers = new CallerReader(jwksUrl, appId);
  return async (headers) => {
    await callers.read(headers);
  };
}
