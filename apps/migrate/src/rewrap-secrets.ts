import { commonConfig, loadConfig } from '@nm/adapters/config';
import { Db } from '@nm/adapters/db';
import { keyProviderOf, openVault, rewrap, rootPlace } from '@nm/adapters/vault';
import { planPlaces } from '@nm/features/actions';
import { credentialPlace } from '@nm/features/clusters';
import { signingKeyPlace } from '@nm/features/context';
import { documentPlace } from '@nm/features/hub';
import { systemClock } from '@nm/kernel/time';

/**
 * rewrapSecrets puts everything that is sealed under the first of the configured master keys. It may be stopped and started again, and runs beside the
 * apps. Returns false when something could not be opened by any of the keys. @throws Fault config_invalid, store_unavailable
 */
export async function rewrapSecrets(print: (line: string) => void): Promise<boolean> {
  const config = loadConfig(commonConfig);
  const db = new Db({ url: config.databaseUrl.reveal(), applicationName: 'nmachine-rewrap' });
  try {
    const vault = await openVault({ db, keys: keyProviderOf(config.masterKeys, systemClock) });
    const { rewrapped, skipped, broken } = await rewrap({
      vault,
      places: [rootPlace(db), signingKeyPlace(db), credentialPlace(db), documentPlace(db), ...planPlaces(db)],
      onBatch: (progress) => print(`${progress.rewrapped} secrets are under the first master key now`),
    });
    print(`Done: ${rewrapped} secrets rewrapped, ${skipped} were written by others meanwhile.`);
    for (const secret of broken) print(`No key opens ${secret}.`);
    if (broken.length === 0) print('The other master keys may be taken away.');
    return broken.length === 0;
  } finally {
    await db.close();
  }
}
