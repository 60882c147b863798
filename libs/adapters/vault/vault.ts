import { createHmac, timingSafeEqual } from 'node:crypto';
import { Fault } from '@nm/kernel/fault';
import { randomKeyBytes } from '@nm/kernel/ids';
import { decrypt, encrypt } from './gcm.js';
import type { KeyProvider } from './key-provider.js';
import { LocalKeys } from './local-keys.js';
import { joinSealed, sealedPrefix, splitSealed } from './sealed-value.js';

const dataKeyBytes = 32;

/** What a subkey is for; a new purpose is a new name, never a shared one. */
export type SubkeyPurpose =
  | 'access-token'
  | 'licence-session'
  | 'offline-licence'
  | 'bearer-key'
  | 'tunnel-forward'
  | 'via-pseudonym';

/**
 * Vault seals secrets: each has its own AES-256-GCM data key, which the newest key of the provider wraps.
 * The additional data (org, row, field) is authenticated, so a sealed value copied to another row does not open.
 */
export class Vault {
  readonly #keys: KeyProvider;
  readonly #root: Buffer;

  /**
   * @param keys a provider, or one master key
   * @param root what subkeys are derived from (32 bytes). It outlives master keys, or a new one would end every licence key.
   */
  constructor(keys: Buffer, root?: Buffer);
  constructor(keys: KeyProvider, root: Buffer);
  constructor(keys: KeyProvider | Buffer, root?: Buffer) {
    this.#keys = Buffer.isBuffer(keys) ? new LocalKeys([keys]) : keys;
    this.#root = root ?? rootOf(keys as Buffer);
  }

  /** @param aad names the one place where the value may be opened, outermost first */
  async seal(plain: Buffer | string, aad: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
    const dataKey = randomKeyBytes(dataKeyBytes);
    const context = encodeAad(aad);
    const wrapped = await this.#keys.wrap(dataKey, context);
    return joinSealed({ wrapped, box: encrypt(dataKey, Buffer.from(plain), context) });
  }

  /** @throws Fault seal_broken when the value was altered, moved, or sealed under a master key that is not known here */
  async open(sealed: Uint8Array, aad: readonly string[]): Promise<Buffer> {
    const { wrapped, box } = splitSealed(sealed);
    const context = encodeAad(aad);
    const dataKey = await this.#keys.unwrap(wrapped, context);
    try {
      return decrypt(dataKey, box, context);
    } catch (cause) {
      throw new Fault('seal_broken', { internal: `authentication failed for ${aad.join('/')}`, cause });
    }
  }

  /** rewrap puts a value's data key under the newest master key; the secret itself is not touched. @throws Fault seal_broken */
  async rewrap(sealed: Uint8Array, aad: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
    const { wrapped, box } = splitSealed(sealed);
    const context = encodeAad(aad);
    const dataKey = await this.#keys.unwrap(wrapped, context);
    return joinSealed({ wrapped: await this.#keys.wrap(dataKey, context), box });
  }

  /** newestPrefix is how a value starts that needs no rewrapping. */
  async newestPrefix(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(sealedPrefix(await this.#keys.newestKeyId()));
  }

  /** subkey derives 32 bytes for one purpose (HKDF-SHA256, RFC 5869 §2.3: one block of the expansion). */
  subkey(purpose: SubkeyPurpose): Buffer {
    return createHmac('sha256', this.#root)
      .update(purpose)
      .update(Buffer.from([1]))
      .digest();
  }

  /** hashBearerKey is what the store keeps of a licence key or token: HMAC-SHA256, so a stolen table opens nothing. */
  hashBearerKey(text: string): Uint8Array<ArrayBuffer> {
    return new Uint8Array(createHmac('sha256', this.subkey('bearer-key')).update(text).digest());
  }

  /** matchesBearerKey compares in constant time. */
  matchesBearerKey(text: string, hash: Uint8Array): boolean {
    const own = this.hashBearerKey(text);
    return own.length === hash.length && timingSafeEqual(own, hash);
  }
}

/** rootOf extracts a root from a master key (HKDF, RFC 5869 §2.2); the key cannot be computed from it. */
export const rootOf = (masterKey: Buffer): Buffer => createHmac('sha256', 'nmachine').update(masterKey).digest();

/** Length-prefixed, so that ['ab','c'] and ['a','bc'] differ. */
function encodeAad(aad: readonly string[]): Buffer {
  return Buffer.from(aad.map((part) => `${Buffer.byteLength(part)}:${part}`).join(''));
}
