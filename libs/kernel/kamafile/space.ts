import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { deepOf, flatOf, isVars, mergeVars, type Vars } from './variables.js';

/** The levels of variables, each over the one before it. */
export const variableLevels = ['default_vars', 'publisher_injection_vars', 'user_injection_vars', 'user_vars'] as const;
export type VariableLevel = (typeof variableLevels)[number];

/** What running servers call the publisher's level; they refuse names that they don't know, so we write theirs. */
const olderLevelName = 'vendor_injection_vars';

const text = z.string().nullish();
const engine = z.looseObject({ type: text, uri: text, version: text }).nullish();

/** SpaceFields is what a space says beside variables and preferences. Members that we don't know survive. */
const SpaceFields = z.looseObject({
  is_prototype: z.boolean().nullish(),
  app_id: text,
  install_id: text,
  install_token: text,
  publisher_identifier: text,
  app_identifier: text,
  friendly_name: text,
  status: text,
  ktea: engine,
  kama: engine,
  last_updated: text,
  last_synced: text,
  last_status_uploaded: text,
  update_checked_at: text,
});
export type SpaceFields = z.infer<typeof SpaceFields>;

/** Space is the state of the app itself (`app`) or of one of its plugins. */
export interface Space {
  readonly fields: SpaceFields;
  readonly levels: Readonly<Record<VariableLevel, Vars>>;
  readonly prefs: Vars;
}

export const emptySpace: Space = {
  fields: {},
  levels: { default_vars: {}, publisher_injection_vars: {}, user_injection_vars: {}, user_vars: {} },
  prefs: {},
};

/** readSpace reads a space from its JSON's value. Levels may be flat or deep. @throws Fault kamafile_invalid, with what is wrong where */
export function readSpace(value: unknown, name: string): Space {
  if (!isVars(value)) throw invalid(`space "${name}" is not an object`);
  const { default_vars, user_injection_vars, user_vars, prefs, publisher_injection_vars, ...rest } = value;
  const { [olderLevelName]: vendor, ...others } = rest;
  const parsed = SpaceFields.safeParse(others);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`"${issue?.path.join('.')}" of space "${name}": ${issue?.message}`);
  }
  const tree = (given: unknown, member: string): Vars => {
    if (given === undefined || given === null) return {};
    if (!isVars(given)) throw invalid(`"${member}" of space "${name}" is not an object`);
    return deepOf(given);
  };
  return {
    fields: parsed.data,
    levels: {
      default_vars: tree(default_vars, 'default_vars'),
      publisher_injection_vars: mergeVars(
        tree(vendor, olderLevelName),
        tree(publisher_injection_vars, 'publisher_injection_vars'),
      ),
      user_injection_vars: tree(user_injection_vars, 'user_injection_vars'),
      user_vars: tree(user_vars, 'user_vars'),
    },
    prefs: tree(prefs, 'prefs'),
  };
}

/** writeSpace is the JSON of a space as every server of this family reads it. */
export function writeSpace({ fields, levels, prefs }: Space): string {
  const { publisher_injection_vars, ...others } = levels;
  return JSON.stringify({ ...fields, ...others, [olderLevelName]: publisher_injection_vars, prefs });
}

/** changeLevel gives the space with one level changed. */
export const changeLevel = (space: Space, level: VariableLevel, change: (vars: Vars) => Vars): Space => ({
  ...space,
  levels: { ...space.levels, [level]: change(space.levels[level]) },
});

/** mergedVars is what templates see: the four levels, each over the one before. */
export const mergedVars = ({ levels }: Space): Vars =>
  variableLevels.reduce<Vars>((merged, level) => mergeVars(merged, levels[level]), {});

/** originsOf tells for each value that counts, by its dotted name, which level it is from. */
export function originsOf({ levels }: Space): Record<string, VariableLevel> {
  const merged = Object.keys(flatOf(mergedVars({ ...emptySpace, levels })));
  const flat = variableLevels.map((level) => [level, flatOf(levels[level])] as const);
  return Object.fromEntries(
    merged.flatMap((key) => {
      const origin = flat.findLast(([, vars]) => Object.hasOwn(vars, key));
      return origin ? [[key, origin[0]]] : [];
    }),
  );
}

/** overlaySecrets lays the variables of the Secret over those of the ConfigMap, level by level. */
export const overlaySecrets = (space: Space, secrets: Space): Space =>
  variableLevels.reduce(
    (joined, level) => changeLevel(joined, level, (vars) => mergeVars(vars, secrets.levels[level])),
    space,
  );

const invalid = (what: string): Fault =>
  new Fault('kamafile_invalid', { public: `The Kamafile is not valid: ${what}.` });
