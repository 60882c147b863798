import { Fault } from '@nm/kernel/fault';

export type Json = string | number | boolean | null | readonly Json[] | Vars;
/** Vars is a tree of variables: `{ db: { host: 'pg' } }`. */
export interface Vars {
  readonly [name: string]: Json;
}

/** So deep may variables be nested; who sends more wants to exhaust us. */
const depthMax = 64;

/** isVars tells a tree from a value; a list is a value. */
export const isVars = (value: unknown): value is Vars =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const partsOf = (key: string): readonly string[] => {
  const parts = key.split('.');
  return parts.includes('') ? [key] : parts;
};

/**
 * deepOf reads assignments as people write them: `{ 'a.b': 1 }` is `{ a: { b: 1 } }`, at every depth. Of two that speak of the same name, the later wins.
 * @throws Fault kamafile_invalid when it is nested too deep
 */
export function deepOf(given: Vars, depth = 0): Vars {
  if (depth > depthMax) throw new Fault('kamafile_invalid', { public: 'The variables are nested too deep.' });
  return Object.entries(given).reduce<Vars>((deep, [key, value]) => {
    const parts = partsOf(key);
    const inner = isVars(value) ? deepOf(value, depth + parts.length) : value;
    const named = parts.reduceRight<Json>((below, part) => Object.fromEntries([[part, below]]), inner) as Vars;
    return mergeVars(deep, named);
  }, {});
}

/** flatOf lists the values by their dotted names. An empty tree counts as a value: it would be lost otherwise. */
export function flatOf(vars: Vars, prefix = ''): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(vars).flatMap(([name, value]): [string, Json][] => {
      const key = `${prefix}${name}`;
      return isVars(value) && Object.keys(value).length > 0 ? Object.entries(flatOf(value, `${key}.`)) : [[key, value]];
    }),
  );
}

/** mergeVars lays one tree over another: trees are joined, anything else of `over` takes the place of what was there. */
export function mergeVars(base: Vars, over: Vars): Vars {
  const joined = Object.entries(over).map(([name, value]): [string, Json] => {
    const was = own(base, name);
    return [name, isVars(value) && isVars(was) ? mergeVars(was, value) : value];
  });
  return Object.fromEntries([...Object.entries(base), ...joined]);
}

/** unsetVars takes out the named variables, or whole trees of them; trees that are empty afterwards go too. An absent one is no fault. */
export function unsetVars(vars: Vars, keys: readonly string[]): Vars {
  return keys.reduce((left, key) => without(left, partsOf(key)), vars);
}

function without(vars: Vars, [name = '', ...rest]: readonly string[]): Vars {
  const value = own(vars, name);
  if (value === undefined) return vars;
  const others = Object.entries(vars).filter(([other]) => other !== name);
  if (rest.length === 0) return Object.fromEntries(others);
  if (!isVars(value)) return vars;
  const inner = without(value, rest);
  if (inner === value) return vars;
  if (Object.keys(inner).length === 0) return Object.fromEntries(others);
  return Object.fromEntries(Object.entries(vars).map(([other, was]) => [other, other === name ? inner : was]));
}

/** valueAt gives what a dotted name stands for, a value or a tree; undefined when there is none. */
export function valueAt(vars: Vars, key: string): Json | undefined {
  let value: Json | undefined = vars;
  for (const part of partsOf(key)) value = isVars(value) ? own(value, part) : undefined;
  return value;
}

/** Own members only: `constructor` is a fine name for a variable, and is none unless somebody set it. */
const own = (vars: Vars, name: string): Json | undefined => (Object.hasOwn(vars, name) ? vars[name] : undefined);
