import { watch } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { createLogger } from '@nm/adapters/telemetry';
import { TemplateWorkers } from '@nm/adapters/templating';
import { type Finding, formatFinding } from '@nm/kama-sdk';
import { isFault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import type { OwnChoice } from '../own/choose-own.js';
import { type OwnApp, openOwn } from '../own/open-own.js';
import { createKama } from '../server/create-kama.js';
import { endOnSignal } from '../server/end-on-signal.js';
import { httpReader } from '../server/read-http.js';
import { modelsLoader } from './load-models.js';

export interface ServeOwnOptions extends OwnChoice {
  readonly folder: string;
  readonly port: number;
  readonly models?: string | undefined;
  /** Read the folder again whenever something in it changes. */
  readonly reload: boolean;
}

/** Editors write a file in several steps. */
const calmMs = 100;

/** serveOwn serves the app of a folder without NMachine, on the loopback address unless it is a pod, until SIGTERM. @throws Fault bundle_invalid, kubeconfig_invalid */
export async function serveOwn({ folder, port, models, reload, ...choice }: ServeOwnOptions): Promise<void> {
  const log = createLogger('kama', 'info');
  const templates = new TemplateWorkers();
  const http = httpReader();
  const parts = { templates, http: http.read, clock: systemClock };
  const own = await openOwn(folder, choice, parts, modelsLoader(models));
  const app = await createKama({
    ...{ ...parts, log },
    address: (_headers, signal) => Promise.resolve(own.address(signal)),
  });
  // In a pod, the cluster's service proxy comes from outside.
  await app.listen(port, choice.inCluster ? '0.0.0.0' : '127.0.0.1');
  const stopWatching = reload ? follow(foldersOf(folder, models), own) : () => undefined;
  console.log(`${await app.getUrl()}/api/status  ${own.bundle.ids().length} models; ${own.where}`);
  endOnSignal(app, async () => {
    stopWatching();
    await own.close();
    await http.close();
    await templates.close();
  });
}

interface WatchedFolder {
  readonly path: string;
  readonly recursive: boolean;
}

/** Models may stand beside the app; what is below their folder is anybody's, packages included. */
function foldersOf(folder: string, models: string | undefined): WatchedFolder[] {
  const app = { path: folder, recursive: true };
  const beside = models === undefined ? '' : dirname(resolve(models));
  const within = `${beside}${sep}`.startsWith(`${resolve(folder)}${sep}`);
  return models === undefined || within ? [app] : [app, { path: beside, recursive: false }];
}

/** follow loads the app anew when its folder changes; with faults, the app stays what it was, and they are told. */
function follow(folders: readonly WatchedFolder[], own: OwnApp): () => void {
  let timer: NodeJS.Timeout | undefined;
  const again = (): void => {
    own.reload().then(
      () => console.log(`loaded again: ${own.bundle.digest.slice(0, 19)}`),
      (error: unknown) => tell(error),
    );
  };
  const watchers = folders.map(({ path, recursive }) =>
    watch(path, { recursive }, () => {
      clearTimeout(timer);
      timer = setTimeout(again, calmMs);
    }),
  );
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}

function tell(error: unknown): void {
  const findings = isFault(error) ? (error.extra['findings'] as readonly Finding[] | undefined) : undefined;
  for (const finding of findings ?? []) console.error(formatFinding(finding));
  console.error(`${isFault(error) ? error.publicMessage : String(error)} The app stays as it was.`);
}
