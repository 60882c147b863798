import { basename, resolve } from 'node:path';
import { type Bundle, type CompileOptions, loadBundle, readBundleFolder } from '@nm/kama-sdk';
import type { Clock } from '@nm/kernel/time';
import type { Addressed } from '../server/kama-parts.js';
import { chooseOwn, type OwnChoice } from './choose-own.js';
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

/** openOwn opens the app of a folder without NMachine; `models` gives its own kinds, anew at each reload. @throws Fault bundle_invalid, kubeconfig_invalid */
export async function openOwn(
  folder: string,
  choice: OwnChoice,
  clock: Clock,
  models: () => Promise<NonNullable<CompileOptions['models']>> = () => Promise.resolve([]),
): Promise<OwnApp> {
  const read = async (): Promise<Bundle> => loadBundle(await readBundleFolder(folder), { models: await models() });
  let bundle = await read();
  const own = await chooseOwn(choice);
  const install = ownInstall(own.cluster, own.namespace, clock);
  const app = { id: 'app_own', org: 'own', name: basename(resolve(folder)), version: 'dev' };
  return {
    get bundle() {
      return bundle;
    },
    where: own.where,
    address: (signal) => ({ app, bundle, install: install.open(signal) }),
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
