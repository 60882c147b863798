import { appSpace } from '../descriptors/bundle-files.js';
import type { EvaluationView } from '../resolve/model-view.js';
import type { KamafileSpace } from '../resolve/ports.js';
import { deepToFlat, flatToDeep, mergeAll, ownOf } from '../values/dict.js';

/** The four levels of variables, weakest first. */
export const levels = ['default_vars', 'vendor_injection_vars', 'user_injection_vars', 'user_vars'] as const;
export type Level = (typeof levels)[number];

/** isLevel tells the names of levels from other text; documents call one of them `publisher_injection_vars`. */
export const levelOf = (name: unknown): Level | undefined =>
  name === 'publisher_injection_vars' ? 'vendor_injection_vars' : levels.find((level) => level === name);

const nothing: KamafileSpace = {
  default_vars: {},
  vendor_injection_vars: {},
  user_injection_vars: {},
  user_vars: {},
  prefs: {},
  entries: {},
};

/** readSpace reads what the install keeps of a space, once per request; of a space that it doesn't have, nothing. */
export const readSpace = (evaluation: EvaluationView, space: string = appSpace): Promise<KamafileSpace> =>
  evaluation.once(`kamafile:${space}`, async () => (await evaluation.parts.kamafile.read(space)) ?? nothing);

/** mergedVars merges the four levels deeply; flat keys within them are opened first, so that they override deep ones. */
export const mergedVars = async (evaluation: EvaluationView, space: string): Promise<Record<string, unknown>> => {
  const kamafile = await readSpace(evaluation, space);
  return mergeAll(levels.map((level) => flatToDeep(kamafile[level])));
};

/** Assignment says what one level says of a variable. */
export interface Assignment {
  readonly level_name: Level;
  readonly level_number: number;
  readonly value: unknown;
  readonly is_present: boolean;
}

/** assignmentsOf lists the levels of a variable, weakest first: the last that is present wins. */
export function assignmentsOf(kamafile: KamafileSpace, flatKey: string): Assignment[] {
  return levels.map((level, number) => {
    const flat = deepToFlat(flatToDeep(kamafile[level]));
    return {
      level_name: level,
      level_number: number,
      value: ownOf(flat, flatKey) ?? null,
      is_present: Object.hasOwn(flat, flatKey),
    };
  });
}

/** entryOf reads any entry of a space by its name. */
export function entryOf(kamafile: KamafileSpace, key: string): unknown {
  const level = levelOf(key);
  if (level) return kamafile[level];
  return key === 'prefs' ? kamafile.prefs : (ownOf(kamafile.entries, key) ?? null);
}
