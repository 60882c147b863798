import { type Bundle, configMapSteps, type SessionOptions } from '@nm/kama-sdk';
import { kamafileLabels, kamafileName } from '@nm/kernel/kamafile';
import type { Clock } from '@nm/kernel/time';
import type { FreshSpaces } from './fresh-space.js';
import type { OpenKamafile } from './read-kamafile.js';

type KamafileSteps = NonNullable<SessionOptions['writeKamafile']>;

/** kamafileSteps has a run write the Kamafile; the first run of an install creates it, with what a fresh install has. */
export const kamafileSteps =
  (kamafile: OpenKamafile, fresh: FreshSpaces, clock: Clock, bundle: Bundle): KamafileSteps =>
  async (changes, first) => {
    const { resourceVersion } = await kamafile.place();
    const object = { name: kamafileName, ...(resourceVersion ? { resourceVersion } : {}) };
    const steps = await configMapSteps(object, clock, bundle)(changes, first);
    if (resourceVersion !== undefined || !first) return steps;
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: kamafileName, labels: { ...kamafileLabels } },
      data: await freshData(fresh),
    };
    return [{ kind: 'apply', title: 'Create the Kamafile', manifests: [map] }, ...steps];
  };

async function freshData(fresh: FreshSpaces): Promise<Record<string, string>> {
  const data: Record<string, string> = {};
  for (const space of fresh.names()) {
    const { entries, ...rest } = (await fresh.read(space)) ?? {};
    data[space] = JSON.stringify({ ...entries, ...rest });
  }
  return data;
}
