import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Vault } from './vault.js';

const vault = new Vault(Buffer.alloc(32, 7));

describe('Vault', () => {
  it('opens what it sealed, and only with the same additional data', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.string(), { maxLength: 4 }),
        fc.array(fc.string(), { maxLength: 4 }),
        (plain, aad, other) => {
          const sealed = vault.seal(Buffer.from(plain), aad);
          expect(vault.open(sealed, aad)).toEqual(Buffer.from(plain));
          if (JSON.stringify(aad) !== JSON.stringify(other))
            expect(() => vault.open(sealed, other)).toThrow(/seal_broken/);
        },
      ),
    );
  });

  it('refuses a value with any single bit changed', () => {
    const sealed = vault.seal('kubeconfig token', ['org_1', 'clu_1', 'credential']);
    for (let i = 0; i < sealed.length; i++) {
      const copy = Uint8Array.from(sealed);
      copy[i] = (copy[i] as number) ^ 1;
      expect(() => vault.open(copy, ['org_1', 'clu_1', 'credential'])).toThrow(/seal_broken/);
    }
  });

  it('does not open under another master key', () => {
    const sealed = vault.seal('x', ['a']);
    expect(() => new Vault(Buffer.alloc(32, 8)).open(sealed, ['a'])).toThrow(/another master key/);
  });

  it('never seals the same way twice, and its subkeys differ by purpose', () => {
    expect(vault.seal('x', ['a'])).not.toEqual(vault.seal('x', ['a']));
    expect(vault.subkey('access-token')).not.toEqual(vault.subkey('licence-session'));
  });

  it('hashes bearer keys with a keyed hash', () => {
    const expected = createHmac('sha256', vault.subkey('bearer-key')).update('nml_x').digest();
    expect(Buffer.from(vault.hashBearerKey('nml_x'))).toEqual(expected);
    expect(vault.matchesBearerKey('nml_x', expected)).toBe(true);
    expect(vault.matchesBearerKey('nml_y', expected)).toBe(false);
  });
});
