import { createHash } from 'node:crypto';

/** planDigest identifies what a run would do: SHA-256 of its JSON with sorted keys, so that the order of members does not matter. */
export const planDigest = (work: unknown): string =>
  `sha256:${createHash('sha256').update(canonicalJson(work)).digest('hex')}`;

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
