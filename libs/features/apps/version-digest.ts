import { createHash } from 'node:crypto';
import type { VersionSpec } from '@nm/kernel/contracts';

/** versionDigest names a spec by its content: SHA-256 of its JSON with sorted keys and no white space (RFC 8785 for our value types). */
export const versionDigest = (spec: VersionSpec): string =>
  `sha256:${createHash('sha256').update(canonicalJson(spec)).digest('hex')}`;

/** canonicalJson writes a JSON value in one way only; members that are undefined are left out, as JSON.stringify does. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}
