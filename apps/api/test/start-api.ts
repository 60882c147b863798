import { createLogger } from '@nm/adapters/telemetry';
import { Vault } from '@nm/adapters/vault';
import { ContextKeys } from '@nm/features/context';
import { EventStreams, listenOn } from '@nm/features/http';
import { type Clock, systemClock } from '@nm/kernel/time';
import type { TestDatabase } from '../../../libs/testing/test-database.js';
import { bundleCompiler } from '../src/apps/vet-bundle.js';
import { createApi } from '../src/create-api.js';
import { apiConfig } from '../src/platform/api-config.js';
import type { Platform } from '../src/platform/platform.module.js';

/** Threads of Node run what is built. */
const compileWorker = new URL('../../../dist/libs/kama-sdk/compile/compile-worker.js', import.meta.url);

/** The master key of tests; a test that needs another app on the same database uses the same. */
export const testMasterKey = Buffer.alloc(32, 7);

export interface StartApiOptions {
  readonly database: TestDatabase;
  readonly clock?: Clock;
  /** Raw environment on top of the test's own: `NM_…`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** startApi runs the real control plane in this process, on a free port of 127.0.0.1. */
export async function startApi({ database, clock = systemClock, env = {} }: StartApiOptions) {
  const config = apiConfig({
    NM_DATABASE_URL: database.url,
    NM_MASTER_KEY: testMasterKey.toString('base64'),
    NM_LOG_LEVEL: 'silent',
    NM_AGENT_IMAGE: 'nmachine:test',
    ...env,
  });
  const logger = createLogger('api', config.logLevel);
  const vault = new Vault(testMasterKey);
  const contextKeys = await ContextKeys.open({ db: database.db, vault, clock });
  const streams = new EventStreams();
  const compiler = bundleCompiler(compileWorker);
  const platform: Platform = {
    config: { ...config, hosts: ['127.0.0.1'], port: 0 },
    logger,
    clock,
    db: database.db,
    vault,
    contextKeys,
    streams,
    compiler,
  };
  const { app, document } = await createApi(platform);
  const { port, servers } = await listenOn(app, platform.config.hosts, 0);
  return {
    url: `http://127.0.0.1:${port}`,
    app,
    document,
    platform,
    close: async () => {
      streams.endAll();
      for (const server of servers) server.closeAllConnections();
      await app.close();
      await compiler.close();
    },
  };
}

export type StartedApi = Awaited<ReturnType<typeof startApi>>;
