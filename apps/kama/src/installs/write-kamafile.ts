import { type Bundle, configMapSteps, type KamafileSpace, type SessionOptions } from '@nm/kama-sdk';
import { kamafileLabels, kamafileName } from '@nm/kernel/kamafile';
import type { Clock } from '@nm/kernel/time';
import type { OpenKamafile } from './read-kamafile.js';

const appSpace = 'app';

type KamafileSteps = NonNullable<SessionOptions['writeKamafile']>;

/** kamafileSteps has a run write the Kamafile; the first run of an install creates it, with what a fresh install has. */
export const kamafileSteps =
  (kamafile: OpenKamafile, fresh: () => KamafileSpace, clock: Clock, bundle: Bundle): KamafileSteps =>
  async (changes, first) => {
    const { resourceVersion } = await kamafile.place();
    const object = { name: kamafileName, ...(resourceVersion ? { resourceVersion } : {}) };
    const steps = await configMapSteps(object, clock, bundle)(changes, first);
    if (resourceVersion !== undefined || !first) return steps;
    const { entries, ...rest } = fresh();
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: kamafileName, labels: { ...kamafileLabels } },
      data: { [appSpace]: JSON.stringify({ ...entries, ...rest }) },
    };
    return [{ kind: 'apply', title: 'Create the Kamafile', manifests: [map] }, ...steps];
  };
