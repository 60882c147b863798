import { createHash } from 'node:crypto';
import { Fault } from '@nm/kernel/fault';
import { decrypt, encrypt } from './gcm.js';
import type { KeyProvider, WrappedKey } from './key-provider.js';

const keyIdBytes = 8;

/** LocalKeys wraps with master keys in memory: the first one wraps, all of them unwrap. */
export class LocalKeys implements KeyProvider {
  readonly #keys: readonly Buffer[];
  readonly #byId: ReadonlyMap<string, Buffer>;

  /** @param keys 32 bytes each; not empty */
  constructor(keys: readonly Buffer[]) {
    this.#keys = keys;
    this.#byId = new Map(keys.map((key) => [idOf(key).toString('hex'), key]));
  }

  async newestKeyId(): Promise<Buffer> {
    return idOf(this.#newest);
  }

  async wrap(dataKey: Buffer, context: Buffer): Promise<WrappedKey> {
    return { keyId: idOf(this.#newest), bytes: encrypt(this.#newest, dataKey, context) };
  }

  async unwrap({ keyId, bytes }: WrappedKey, context: Buffer): Promise<Buffer> {
    const key = this.#byId.get(keyId.toString('hex'));
    if (!key) throw new Fault('seal_broken', { internal: 'sealed under another master key' });
    try {
      return decrypt(key, bytes, context);
    } catch (cause) {
      throw new Fault('seal_broken', { internal: 'the wrapped data key does not authenticate', cause });
    }
  }

  /** knows tells whether a key is among these. */
  knows(keyId: Buffer): boolean {
    return this.#byId.has(keyId.toString('hex'));
  }

  seed(): Buffer {
    if (this.#keys.length === 1) return this.#newest;
    throw new Fault('config_invalid', {
      public:
        'NM_MASTER_KEY names several keys, but this database has not been opened with one yet. Start once with the one key that it has.',
    });
  }

  get #newest(): Buffer {
    const [newest] = this.#keys;
    if (!newest) throw new Fault('internal', { internal: 'a vault without a key' });
    return newest;
  }
}

const idOf = (key: Buffer): Buffer =>
  createHash('sha256').update('nmachine key id').update(key).digest().subarray(0, keyIdBytes);
