/**
 * mergeDiff gives the JSON merge patch (RFC 7396) that turns `before` into `after`; undefined when they are equal. Lists are replaced whole,
 * because a merge patch knows nothing smaller.
 */
export function mergeDiff(before: unknown, after: unknown): unknown {
  if (!isRecord(before) || !isRecord(after)) return deepEqual(before, after) ? undefined : (after ?? null);
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys(before)) if (before[key] !== undefined && after[key] === undefined) patch[key] = null;
  for (const key of Object.keys(after)) {
    if (after[key] === undefined) continue;
    const change = mergeDiff(before[key], after[key]);
    if (change !== undefined) patch[key] = change;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function deepEqual(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((item, index) => deepEqual(item, right[index]));
  if (!isRecord(left) || !isRecord(right)) return false;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => deepEqual(left[key], right[key]));
}
