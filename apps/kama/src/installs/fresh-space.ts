import type { Bundle, KamafileReader, KamafileSpace } from '@nm/kama-sdk';
import { bundleDefaults } from '../engines/bundle-engine.js';
import type { AppIdentity } from '../server/kama-parts.js';

const appSpace = 'app';

/** freshSpace is the state of an install of which nothing has been set: the engine that the bundle names, and its defaults. */
export function freshSpace(bundle: Bundle, app: AppIdentity, installId: string): KamafileSpace {
  const [spec] = bundle.query('KteaSpec', { space: appSpace });
  const { type, uri, version } = spec?.config ?? {};
  return {
    default_vars: bundleDefaults(bundle),
    vendor_injection_vars: {},
    user_injection_vars: {},
    user_vars: {},
    prefs: {},
    entries: {
      is_prototype: false,
      app_id: app.id,
      install_id: installId,
      publisher_identifier: app.org,
      app_identifier: app.name,
      status: 'installing',
      kama: { type: 'managed', uri: `${app.org}/${app.name}`, version: app.version },
      ...(spec ? { ktea: { type, uri, version: version ?? app.version } } : {}),
    },
  };
}

/** orFresh answers for the app's space when the cluster keeps none yet. */
export const orFresh = (kamafile: KamafileReader, fresh: () => KamafileSpace): KamafileReader => ({
  read: async (space) => (await kamafile.read(space)) ?? (space === appSpace ? fresh() : undefined),
});
