import { Fault } from '@nm/kernel/fault';
import { isOlderLayout, spaceOfOlderLayout } from './older-layout.js';
import { readSpace, type Space, writeSpace } from './space.js';

/** Name of the ConfigMap that holds an install's state, and of the Secret that holds its secret variables, in the same form. */
export const kamafileName = 'kamafile';
/** What the ConfigMap was called before; read where there is no `kamafile`, never written. */
export const olderKamafileName = 'master';
export const kamafileLabels = { managed_by: 'nmachine' } as const;
/** Set with every write. */
export const updatedAtAnnotation = 'updated_at';
/** The app's own space; plugins have theirs. */
const appSpace = 'app';

/** Kamafile is the state of an install: its spaces by name. */
export type Kamafile = ReadonlyMap<string, Space>;

/**
 * parseKamafile reads the `data` of the ConfigMap (or of the Secret, decoded), in the present layout (one key per space) or the first one
 * (flat keys). @throws Fault kamafile_invalid
 */
export function parseKamafile(data: Readonly<Record<string, string>>): Kamafile {
  if (isOlderLayout(data)) return new Map([[appSpace, spaceOfOlderLayout(data)]]);
  return new Map(Object.entries(data).map(([name, json]) => [name, readSpace(parse(json, name), name)]));
}

/** kamafileData is the `data` that parseKamafile reads. */
export const kamafileData = (kamafile: Kamafile): Record<string, string> =>
  Object.fromEntries([...kamafile].map(([name, space]) => [name, writeSpace(space)]));

function parse(json: string, name: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new Fault('kamafile_invalid', { public: `The Kamafile is not valid: space "${name}" is not JSON.`, cause });
  }
}
