import { openSession, type Session } from '@nm/kama-sdk';
import type { Clock } from '@nm/kernel/time';
import { appEngines, engineTimeMs } from '../engines/app-engines.js';
import { newBackup } from '../installs/backups.js';
import { freshSpaces, orFresh } from '../installs/fresh-space.js';
import { kamafileSteps } from '../installs/write-kamafile.js';
import type { Addressed, KamaParts } from './kama-parts.js';

/** Visit is one request: the app and the install that it is for, and a session of the app there. */
export interface Visit extends Addressed {
  readonly clock: Clock;
  readonly session: Session;
}

/** openVisit opens a session of an app at an install; the signal ends it. @throws Fault install_busy */
export function openVisit(
  { clock, templates, turns, http }: Pick<KamaParts, 'clock' | 'templates' | 'turns' | 'http'>,
  { app, bundle, install }: Addressed,
  signal: AbortSignal,
): Visit {
  const engine = appEngines(bundle, install, templates);
  const fresh = freshSpaces({ bundle, app, installId: install.id, engine, signal });
  const session = openSession(bundle, {
    kamafile: orFresh(install.kamafile, fresh),
    writeKamafile: kamafileSteps(install.kamafile, fresh, clock, bundle),
    backup: async (trigger) => {
      const kept = await install.kamafile.kept();
      return [...((kept && newBackup(kept, { trigger, name: '' }, clock)?.steps) ?? [])];
    },
    engine,
    budget: { timeMs: engineTimeMs(bundle) },
    cluster: install.cluster,
    ...(http ? { http } : {}),
    namespace: install.namespace,
    clock,
    jq: templates,
    tenant: install.id,
    ...(turns ? { share: turns.share(install.id) } : {}),
    signal,
  });
  return { app, bundle, install, session, clock };
}
