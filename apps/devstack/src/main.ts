import 'reflect-metadata';
import { isFault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { freePort } from '@nm/testing';
import { appEnvironment, ownAddresses } from './app-environment.js';
import { type AppProcess, startApp } from './app-process.js';
import { type DevstackConfig, readConfig } from './config.js';
import { openDatabase } from './database.js';
import { hasGo, startDemoCluster } from './demo-cluster.js';
import { lockHome } from './home-lock.js';
import { startOpsFront } from './ops-front.js';
import { ownCertificate } from './own-certificate.js';
import { checkPorts } from './ports.js';
import { step } from './progress.js';
import { buildIcecream, chooseRuntime, type RuntimeChoice } from './runtime-choice.js';
import { keptSecret } from './secrets.js';
import { type Demo, seedDemo, writeDemo } from './seed-demo.js';
import { stopSignal } from './stop-signal.js';
import { welcome } from './welcome.js';

const appNames = ['gateway', 'api', 'operator', 'worker'] as const;
/** After this long, an app that has not drained is killed; the database still needs its share of the ten seconds. */
const appStopMsMax = 6_000;

/** Everything started so far, ended in reverse order. */
const cleanups: (() => Promise<unknown>)[] = [];

async function start(config: DevstackConfig) {
  await checkPorts([
    { port: config.gatewayPort, variable: 'NM_GATEWAY_PORT', purpose: 'the gateway' },
    { port: config.gatewayTlsPort, variable: 'NM_GATEWAY_TLS_PORT', purpose: 'the gateway over TLS' },
    { port: config.apiPort, variable: 'NM_API_PORT', purpose: 'the API' },
    { port: config.opsPort, variable: 'NM_OPS_PORT', purpose: 'health and metrics' },
    { port: config.agentPort, variable: 'NM_AGENT_PORT', purpose: 'agents of private clusters' },
  ]);
  cleanups.push(await lockHome(config.home));
  const masterKey = await keptSecret(config.home, 'master.key', 32, 'base64');
  const runtime = await chooseRuntime(config);
  const database = await openDatabase(config);
  cleanups.push(() => database.stop());

  const { agentPort } = config;
  const certificate = await ownCertificate(config.home, ownAddresses(runtime));
  const databaseUrl = database.url;
  const env = appEnvironment({ config, databaseUrl, masterKey, runtime, agentPort, certificate });
  const apps: AppProcess[] = [];
  cleanups.push(() => Promise.all(apps.map((app) => app.stop(appStopMsMax))));
  await step('gateway, api, operator, worker', () =>
    Promise.all(appNames.map(async (name) => apps.push(await startApp(name, config.home, await freePort(), env)))),
  );
  const ops = await startOpsFront(config.opsPort, apps);
  cleanups.push(() => ops.close());
  const url = (port: number) => `http://127.0.0.1:${port}`;
  const demo = await step('demo', () =>
    seedDemo(config.home, {
      gatewayUrl: url(config.gatewayPort),
      apiUrl: url(config.apiPort),
      opsUrl: url(config.opsPort),
      agentUrl: `ws://127.0.0.1:${agentPort}`,
    }),
  );
  await writeDemo(config.home, demo);
  console.log(welcome(demo, runtime, config.home));
  return { apps, demo, runtime };
}

/** The demo's own Kubernetes comes up in the background; the rest works without it. */
async function addCluster(config: DevstackConfig, demo: Demo): Promise<void> {
  if (config.kubelab === 'off') return;
  if (!(await hasGo()))
    return console.log(
      'There is no Go here to build a local Kubernetes with. To use any cluster of yours: docs/guides/clusters.md.',
    );
  console.log(
    demo.cluster
      ? 'The demo cluster is starting …'
      : 'A local Kubernetes is being built for the demo (minutes, the first time) …',
  );
  const cluster = startDemoCluster(config, demo);
  cleanups.push(() => cluster.stop());
  const result = await cluster.ready;
  if ('kubeconfigPath' in result)
    console.log(
      `The demo cluster is ready, registered and installed on: the install action works now.\n  kubectl --kubeconfig ${result.kubeconfigPath} get all -n guestbook`,
    );
  else if (result.reason !== 'stopped')
    console.log(`There is no demo cluster: ${result.reason}. To use any cluster of yours: docs/guides/clusters.md.`);
}

/** Only containers need it, and only icecream waits for it. */
async function addIcecream(config: DevstackConfig, runtime: RuntimeChoice): Promise<void> {
  if (runtime.driver !== 'docker') return;
  const over = new AbortController();
  cleanups.push(async () => over.abort());
  try {
    if ((await buildIcecream(config, over.signal)) === 'made')
      console.log("icecream's image is made: it can be woken now.");
  } catch (error) {
    if (over.signal.aborted) return;
    const why = (error as Error).message.trim().split('\n').at(-1);
    console.log(`icecream cannot be woken, since its image could not be made (${why}). The rest works.`);
  }
}

async function stopAll(): Promise<void> {
  if (cleanups.length === 0) return;
  const startedMs = systemClock.monotonicMs();
  for (const cleanup of cleanups.reverse()) await cleanup().catch((error: unknown) => console.error(error));
  console.log(
    `Stopped everything in ${((systemClock.monotonicMs() - startedMs) / 1000).toFixed(1)} s; the data stays.`,
  );
}

const stopped = stopSignal();
try {
  const config = readConfig();
  const started = await Promise.race([start(config), stopped.then(() => undefined)]);
  if (started) {
    void addCluster(config, started.demo);
    void addIcecream(config, started.runtime);
    const reason = await Promise.race([stopped.then(() => undefined), ...started.apps.map((app) => app.died)]);
    if (reason) {
      console.error(`\n${reason}`);
      process.exitCode = 1;
    }
  }
} catch (error) {
  console.error(`\n${isFault(error) ? error.publicMessage : (error as Error).stack}`);
  process.exitCode = 1;
}
console.log('');
await stopAll();
process.exit();
