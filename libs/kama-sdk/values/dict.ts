/** Dict is a plain object of unknown values: a descriptor, or data. */
export type Dict = Readonly<Record<string, unknown>>;

/** isDict tells plain objects from lists, null and instances of classes. */
export function isDict(value: unknown): value is Dict {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** ownOf reads a member that the object itself has: never one of a prototype. */
export const ownOf = (dict: Dict, key: string): unknown => (Object.hasOwn(dict, key) ? dict[key] : undefined);

/** put defines a member, whatever its name is: `__proto__` becomes a member like any other. */
export function put(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

/**
 * deepMerge gives a new object in which later ones win, member by member; lists are replaced whole.
 * @param made is told of each object that was made, and of the two that it came from
 */
export function deepMerge(
  base: Dict,
  over: Dict,
  made?: (merged: Dict, base: Dict, over: Dict) => void,
): Record<string, unknown> {
  const merged: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(base)) put(merged, key, value);
  for (const [key, value] of Object.entries(over)) {
    const before = ownOf(merged, key);
    put(merged, key, isDict(before) && isDict(value) ? deepMerge(before, value, made) : value);
  }
  made?.(merged, base, over);
  return merged;
}

/** mergeAll is deepMerge of any number of objects, left to right. */
export const mergeAll = (dicts: readonly Dict[]): Record<string, unknown> =>
  dicts.reduce<Record<string, unknown>>((merged, dict) => deepMerge(merged, dict), {});

/** deepToFlat names each leaf by its path: `{a: {b: 1}}` → `{'a.b': 1}`. Lists and empty objects are leaves. */
export function deepToFlat(deep: Dict): Record<string, unknown> {
  const flat: Record<string, unknown> = {};
  const walk = (dict: Dict, prefix: string): void => {
    for (const [key, value] of Object.entries(dict)) {
      if (isDict(value) && Object.keys(value).length > 0) walk(value, `${prefix}${key}.`);
      else put(flat, `${prefix}${key}`, value);
    }
  };
  walk(deep, '');
  return flat;
}

/** Segments in one flat key at most; a longer key is left as one name. */
const segmentsMax = 64;

/** flatToDeep is the reverse; deep members are kept, and where two keys disagree the later one wins. */
export function flatToDeep(flat: Dict): Record<string, unknown> {
  const deep: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(flat)) {
    const parts = key.split('.');
    const nested = parts.length > segmentsMax ? { [key]: value } : nest(parts, value);
    for (const [name, part] of Object.entries(nested)) {
      const before = ownOf(deep, name);
      put(deep, name, isDict(before) && isDict(part) ? deepMerge(before, part) : part);
    }
  }
  return deep;
}

const nest = (parts: readonly string[], value: unknown): Dict =>
  parts.reduceRight<unknown>((inner, part) => {
    const outer: Record<string, unknown> = {};
    put(outer, part, inner);
    return outer;
  }, value) as Dict;

/** deepGet reads by a flat key; null where the path ends early. */
export function deepGet(deep: unknown, flatKey: string): unknown {
  let value: unknown = deep;
  for (const part of flatKey.split('.')) {
    if (part.trim() === '') continue;
    if (!isDict(value)) return null;
    value = ownOf(value, part) ?? null;
  }
  return value;
}

/** hasFlatKey tells whether a flat key is assigned, be it to null. */
export const hasFlatKey = (deep: Dict, flatKey: string): boolean => Object.hasOwn(deepToFlat(deep), flatKey);

/** deepUnset gives a copy without the leaves, or whole branches, of these flat keys. */
export function deepUnset(deep: Dict, flatKeys: readonly string[]): Record<string, unknown> {
  const kept = Object.entries(deepToFlat(deep)).filter(
    ([key]) => !flatKeys.some((victim) => key === victim || key.startsWith(`${victim}.`)),
  );
  return flatToDeep(Object.fromEntries(kept));
}
