import { createLogger } from '@nm/adapters/telemetry';
import { TemplateWorkers } from '@nm/adapters/templating';
import { loadBundle, readBundleFolder, Turns } from '@nm/kama-sdk';
import { systemClock } from '@nm/kernel/time';
import { kamaConfig } from '../config.js';
import { CallerReader } from '../installs/caller.js';
import { HostedInstalls } from '../installs/hosted-installs.js';
import { createKama } from '../server/create-kama.js';
import { endOnSignal } from '../server/end-on-signal.js';
import { httpReader } from '../server/read-http.js';
import { modelsLoader } from './load-models.js';

/** serve hosts the app of a folder for every install that the gateway names, until SIGTERM. @throws Fault bundle_invalid, config_invalid */
export async function serve(folder: string, modelsFile?: string): Promise<void> {
  const config = kamaConfig();
  const log = createLogger('kama', config.logLevel);
  const models = await modelsLoader(modelsFile)();
  const bundle = loadBundle(await readBundleFolder(folder), { models });
  const callers = new CallerReader(config.jwksUrl, config.app.id);
  const installs = new HostedInstalls(config);
  const turns = new Turns(systemClock);
  const templates = new TemplateWorkers({ onWorked: (tenant, ms) => turns.charge(tenant, ms) });
  const http = httpReader();
  const app = await createKama({
    ...{ templates, turns, http: http.read, clock: systemClock, log },
    address: async (headers, signal) => {
      const install = installs.open(await callers.read(headers), signal);
      return { app: config.app, bundle, install };
    },
  });
  await app.listen(config.port, config.host);
  log.info({ port: config.port, digest: bundle.digest, descriptors: bundle.ids().length }, 'serving');
  endOnSignal(app, async () => {
    await Promise.all([installs.close(), http.close(), templates.close()]);
  });
}
