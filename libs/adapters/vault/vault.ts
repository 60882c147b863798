import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { Fault } from '@nm/kernel/fault';
import { randomKeyBytes } from '@nm/kernel/ids';

const formatVersion = 1;
const keyIdBytes = 8;
const nonceBytes = 12;
const tagBytes = 16;
const dataKeyBytes = 32;
const headerBytes = 1 + keyIdBytes;
const wrappedKeyBytes = nonceBytes + dataKeyBytes + tagBytes;

/** What a subkey is for; a new purpose is a new name, never a shared one. */
export type SubkeyPurpose = 'access-token' | 'licence-session' | 'bearer-key';

/**
 * Vault seals secrets under the master key: each secret has its own AES-256-GCM data key, which the master key wraps.
 * The additional data (org, row, field) is authenticated, so a sealed value copied to another row does not open.
 *
 * Layout: version (1) · id of the master key (8) · nonce, wrapped data key, tag (12+32+16) · nonce, ciphertext, tag.
 */
export class Vault {
  readonly #masterKey: Buffer;
  readonly #keyId: Buffer;

  constructor(masterKey: Buffer) {
    this.#masterKey = masterKey;
    this.#keyId = createHash('sha256').update('nmachine key id').update(masterKey).digest().subarray(0, keyIdBytes);
  }

  /** @param aad names the one place where the value may be opened, outermost first */
  seal(plain: Buffer | string, aad: readonly string[]): Uint8Array<ArrayBuffer> {
    const dataKey = randomKeyBytes(dataKeyBytes);
    const context = encodeAad(aad);
    const parts = [
      Buffer.from([formatVersion]),
      this.#keyId,
      encrypt(this.#masterKey, dataKey, context),
      encrypt(dataKey, Buffer.from(plain), context),
    ];
    return new Uint8Array(Buffer.concat(parts));
  }

  /** @throws Fault seal_broken when the value was altered, moved, or sealed under another master key */
  open(sealed: Uint8Array, aad: readonly string[]): Buffer {
    const bytes = Buffer.from(sealed);
    const context = encodeAad(aad);
    if (bytes.length < headerBytes + wrappedKeyBytes + nonceBytes + tagBytes || bytes[0] !== formatVersion)
      throw new Fault('seal_broken', { internal: 'not a sealed value' });
    if (!bytes.subarray(1, headerBytes).equals(this.#keyId))
      throw new Fault('seal_broken', { internal: 'sealed under another master key' });
    try {
      const dataKey = decrypt(this.#masterKey, bytes.subarray(headerBytes, headerBytes + wrappedKeyBytes), context);
      return decrypt(dataKey, bytes.subarray(headerBytes + wrappedKeyBytes), context);
    } catch (cause) {
      throw new Fault('seal_broken', { internal: `authentication failed for ${aad.join('/')}`, cause });
    }
  }

  /** subkey derives 32 bytes for one purpose (HKDF-SHA256, RFC 5869). */
  subkey(purpose: SubkeyPurpose): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#masterKey, 'nmachine', purpose, 32));
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

/** Length-prefixed, so that ['ab','c'] and ['a','bc'] differ. */
function encodeAad(aad: readonly string[]): Buffer {
  return Buffer.from(aad.map((part) => `${Buffer.byteLength(part)}:${part}`).join(''));
}

function encrypt(key: Buffer, plain: Buffer, aad: Buffer): Buffer {
  const nonce = randomKeyBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, box: Buffer, aad: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(aad).setAuthTag(box.subarray(-tagBytes));
  return Buffer.concat([decipher.update(box.subarray(nonceBytes, -tagBytes)), decipher.final()]);
}
