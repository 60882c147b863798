import { readFile } from 'node:fs/promises';
import { parseMasterKeys } from '@nm/adapters/config';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { KeyProvider, WrappedKey } from './key-provider.js';
import { LocalKeys } from './local-keys.js';

/** How long a reading counts before the file is read again for a new value; and before an unknown key makes us look. */
const freshMs = 5_000;
const lookAgainMs = 500;

/**
 * FileKeys reads master keys from a file, one per line, and reads it again while the app runs: keys are added and taken away by replacing the file,
 * without a restart. While the file is missing or broken, the last good reading counts.
 */
export class FileKeys implements KeyProvider {
  readonly #path: string;
  readonly #clock: Clock;
  #keys: LocalKeys | undefined;
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<LocalKeys> | undefined;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  async newestKeyId(): Promise<Buffer> {
    return (await this.#current(freshMs)).newestKeyId();
  }

  async wrap(dataKey: Buffer, context: Buffer): Promise<WrappedKey> {
    return (await this.#current(freshMs)).wrap(dataKey, context);
  }

  async unwrap(wrapped: WrappedKey, context: Buffer): Promise<Buffer> {
    const known = this.#keys?.knows(wrapped.keyId) ? this.#keys : await this.#current(lookAgainMs);
    return known.unwrap(wrapped, context);
  }

  seed(): Buffer {
    if (!this.#keys) throw new Fault('internal', { internal: 'the key file has not been read yet' });
    return this.#keys.seed();
  }

  async #current(ageMsMax: number): Promise<LocalKeys> {
    if (this.#keys && this.#clock.monotonicMs() - this.#readMs < ageMsMax) return this.#keys;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<LocalKeys> {
    const keys = await readFile(this.#path, 'utf8').then(parseMasterKeys, () => 'cannot be read');
    this.#readMs = this.#clock.monotonicMs();
    if (typeof keys !== 'string') this.#keys = new LocalKeys(keys);
    else if (!this.#keys)
      throw new Fault('config_invalid', { public: `The file ${this.#path} (NM_MASTER_KEY_FILE): ${keys}.` });
    return this.#keys as LocalKeys;
  }
}
