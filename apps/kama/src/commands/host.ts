import { createLogger } from '@nm/adapters/telemetry';
import { TemplateWorkers } from '@nm/adapters/templating';
import { Turns } from '@nm/kama-sdk';
import { CompileThread } from '@nm/kama-sdk/compile';
import { KamaBundle } from '@nm/kernel/contracts';
import { systemClock } from '@nm/kernel/time';
import { BundleShelf } from '../bundles/bundle-shelf.js';
import { hostConfig } from '../config.js';
import { apiCalls } from '../installs/call-api.js';
import { type Caller, CallerReader } from '../installs/caller.js';
import { HostedInstalls } from '../installs/hosted-installs.js';
import { createKama } from '../server/create-kama.js';
import { endOnSignal } from '../server/end-on-signal.js';
import { httpReader } from '../server/read-http.js';

/** A load belongs to everybody who waits for it, so it goes on when the request that began it ends. */
const loadMsMax = 15_000;

/** host serves the apps that are bundles, for every install that the gateway names, until SIGTERM. @throws Fault config_invalid */
export async function host(): Promise<void> {
  const config = hostConfig();
  const log = createLogger('kama-host', config.logLevel);
  const callers = new CallerReader(config.jwksUrl);
  const installs = new HostedInstalls(config);
  const turns = new Turns(systemClock);
  const templates = new TemplateWorkers({ onWorked: (tenant, ms) => turns.charge(tenant, ms) });
  const http = httpReader();
  const compiler = new CompileThread();
  const shelf = new BundleShelf(compiler);
  const load = async (caller: Caller): Promise<KamaBundle> => {
    const call = apiCalls(config.apiUrl, caller.token, AbortSignal.timeout(loadMsMax));
    return KamaBundle.parse(await call('GET', '/v1/kama/bundle'));
  };
  const app = await createKama({
    ...{ templates, turns, http: http.read, clock: systemClock, log },
    address: async (headers, signal) => {
      const caller = await callers.read(headers);
      const install = installs.open(caller, signal);
      const { appId, org, app: name, version, versionId } = caller.claims;
      const bundle = await shelf.take(versionId, () => load(caller));
      return { app: { id: appId, org, name, version }, bundle, install };
    },
  });
  await app.listen(config.port, config.host);
  log.info({ port: config.port }, 'hosting bundles');
  endOnSignal(app, async () => {
    await Promise.all([installs.close(), http.close(), templates.close(), compiler.close()]);
  });
}
