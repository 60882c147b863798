type Json = Record<string, unknown>;

/** mergePatched gives a document with a JSON merge patch applied (RFC 7396): null takes a member away. */
export function mergePatched(target: Json, patch: Json): Json {
  const result = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (typeof value === 'object' && !Array.isArray(value))
      result[key] = mergePatched((result[key] ?? {}) as Json, value as Json);
    else result[key] = value;
  }
  return result;
}
