import { basename, resolve } from 'node:path';
import { type Bundle, type CompileOptions, loadBundle, readBundleFolder } from '@nm/kama-sdk';
import type { Addressed, KamaParts } from '../server/kama-parts.js';
import { openVisit } from '../server/open-visit.js';
import { chooseOwn, type OwnChoice } from './choose-own.js';
import { ownDoor } from './own-door.js';
import { ownInstall } from './own-install.js';

/** OwnApp is the app of a folder, at the one install of this process. */
export interface OwnApp {
  readonly bundle: Bundle;
  readonly where: string;
  address(signal: AbortSignal): Addressed;
  /** reload reads the folder again. @throws Fault bundle_invalid: then the app stays what it was */
  reload(): Promise<void>;
  /** settled resolves when no run is under way. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** openOwn opens the app of a folder without NMachine; the parts are those of its server, and `models` gives its own kinds, anew at each reload. @throws Fault bundle_invalid, kubeconfig_invalid */
export async function openOwn(
  folder: string,
  choice: OwnChoice,
  parts: Pick<KamaParts, 'clock' | 'templates' | 'http'>,
  models: () => Promise<NonNullable<CompileOptions['models']>> = () => Promise.resolve([]),
): Promise<OwnApp> {
  const read = async (): Promise<Bundle> => loadBundle(await readBundleFolder(folder), { models: await models() });
  let bundle = await read();
  const own = await chooseOwn(choice);
  const app = { id: 'app_own', org: 'own', name: basename(resolve(folder)), version: 'dev' };
  const address = (signal: AbortSignal): Addressed => ({ app, bundle, install: install.open(signal) });
  const kama = ownDoor((signal) => openVisit(parts, address(signal), signal));
  const install = ownInstall({ cluster: own.cluster, namespace: own.namespace, clock: parts.clock, kama });
  return {
    get bundle() {
      return bundle;
    },
    where: own.where,
    address,
    reload: async () => {
      bundle = await read();
    },
    settled: () => install.runs.settled(),
    close: async () => {
      await install.close();
      await own.close();
    },
  };
}
