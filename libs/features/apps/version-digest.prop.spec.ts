import { VersionSpec } from '@nm/kernel/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, versionDigest } from './version-digest.js';

const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, shuffled(member)]),
  );
};

describe('canonicalJson', () => {
  it('is JSON of the same value, and does not depend on the order of members', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        // JSON has one zero.
        const plain: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(canonicalJson(plain))).toEqual(plain);
        expect(canonicalJson(shuffled(plain))).toBe(canonicalJson(plain));
      }),
    );
  });
});

describe('versionDigest', () => {
  const spec = VersionSpec.parse({ kind: 'container', image: 'example.org/app@sha256:1' });

  it('changes with anything in the spec', () => {
    const digest = versionDigest(spec);
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(versionDigest({ ...spec, port: 5001 })).not.toBe(digest);
    expect(versionDigest({ ...spec, env: { A: '1' } })).not.toBe(digest);
    expect(versionDigest(VersionSpec.parse(shuffled(spec)))).toBe(digest);
  });
});
