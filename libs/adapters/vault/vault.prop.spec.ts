import { createCipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LocalKeys } from './local-keys.js';
import { rootOf, Vault } from './vault.js';

const masterKey = Buffer.alloc(32, 7);
const vault = new Vault(masterKey);
const broken = { code: 'seal_broken' };

describe('Vault', () => {
  it('opens what it sealed, and only with the same additional data', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.string(), { maxLength: 4 }),
        fc.array(fc.string(), { maxLength: 4 }),
        async (plain, aad, other) => {
          const sealed = await vault.seal(Buffer.from(plain), aad);
          expect(await vault.open(sealed, aad)).toEqual(Buffer.from(plain));
          if (JSON.stringify(aad) !== JSON.stringify(other))
            await expect(vault.open(sealed, other)).rejects.toMatchObject(broken);
        },
      ),
    );
  });

  it('refuses a value with any single bit changed, or cut anywhere', async () => {
    const aad = ['org_1', 'clu_1', 'credential'];
    const sealed = await vault.seal('kubeconfig token', aad);
    for (let i = 0; i < sealed.length; i++) {
      const copy = Uint8Array.from(sealed);
      copy[i] = (copy[i] as number) ^ 1;
      await expect(vault.open(copy, aad)).rejects.toMatchObject(broken);
      await expect(vault.open(sealed.subarray(0, i), aad)).rejects.toMatchObject(broken);
    }
  });

  it('does not open under another master key', async () => {
    const sealed = await vault.seal('x', ['a']);
    await expect(new Vault(Buffer.alloc(32, 8)).open(sealed, ['a'])).rejects.toThrow(/another master key/);
  });

  it('opens what the first layout sealed, and rewraps it into the present one', async () => {
    const box = (key: Buffer, plain: Buffer, aad: Buffer) => {
      const cipher = createCipheriv('aes-256-gcm', key, Buffer.alloc(12, 1), { authTagLength: 16 }).setAAD(aad);
      return Buffer.concat([Buffer.alloc(12, 1), cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    };
    const aad = Buffer.from('1:a2:bc');
    const dataKey = Buffer.alloc(32, 9);
    const keyId = createHash('sha256').update('nmachine key id').update(masterKey).digest().subarray(0, 8);
    const old = Buffer.concat([
      Buffer.from([1]),
      keyId,
      box(masterKey, dataKey, aad),
      box(dataKey, Buffer.from('x'), aad),
    ]);
    expect((await vault.open(old, ['a', 'bc'])).toString()).toBe('x');
    const next = await vault.rewrap(old, ['a', 'bc']);
    expect(Buffer.from(next).subarray(0, 10)).toEqual(Buffer.from(await vault.newestPrefix()));
    expect((await vault.open(next, ['a', 'bc'])).toString()).toBe('x');
  });

  it('rewraps under the newest key; a copied row of another tenant cannot be rewrapped either', async () => {
    const [first, second] = [masterKey, Buffer.alloc(32, 8)];
    const sealed = await vault.seal('x', ['org_1', 'clu_1']);
    const both = new Vault(new LocalKeys([second, first]), rootOf(first));
    await expect(both.rewrap(sealed, ['org_2', 'clu_1'])).rejects.toMatchObject(broken);
    const next = await both.rewrap(sealed, ['org_1', 'clu_1']);
    const alone = new Vault(new LocalKeys([second]), rootOf(first));
    expect((await alone.open(next, ['org_1', 'clu_1'])).toString()).toBe('x');
    await expect(alone.open(next, ['org_2', 'clu_1'])).rejects.toMatchObject(broken);
    await expect(alone.open(sealed, ['org_1', 'clu_1'])).rejects.toMatchObject(broken);
  });

  it('never seals the same way twice, and its subkeys differ by purpose', async () => {
    expect(await vault.seal('x', ['a'])).not.toEqual(await vault.seal('x', ['a']));
    expect(vault.subkey('access-token')).not.toEqual(vault.subkey('licence-session'));
  });

  it('derives subkeys as HKDF does, from a root that outlives the master key', () => {
    const expected = Buffer.from(hkdfSync('sha256', masterKey, 'nmachine', 'access-token', 32));
    expect(vault.subkey('access-token')).toEqual(expected);
    const later = new Vault(new LocalKeys([Buffer.alloc(32, 8)]), rootOf(masterKey));
    expect(later.subkey('access-token')).toEqual(expected);
  });

  it('hashes bearer keys with a keyed hash', () => {
    const expected = createHmac('sha256', vault.subkey('bearer-key')).update('nml_x').digest();
    expect(Buffer.from(vault.hashBearerKey('nml_x'))).toEqual(expected);
    expect(vault.matchesBearerKey('nml_x', expected)).toBe(true);
    expect(vault.matchesBearerKey('nml_y', expected)).toBe(false);
  });
});
