import { hash, timingSafeEqual } from 'node:crypto';
import type { Vault } from '@nm/adapters/vault';
import { verifyLicenceSession } from '@nm/features/access';
import { Fault } from '@nm/kernel/fault';
import { parseBearerKey } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { decodeJwt } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Directory } from './directory.js';
import type { LicenceEntry } from './entries.js';

/** What a credential text was found to be. Both are held against the licence's key on each use: a rotated key stops at once, its sessions with it. */
type Known =
  | { readonly kind: 'key'; readonly licenceId: string; readonly hash: Uint8Array }
  | { readonly kind: 'session'; readonly licenceId: string; readonly keyLookup: string; readonly untilMs: number };

const knownMax = 100_000;
const credentialBytesMax = 4_096;
const bearer = /^bearer +([\x21-\x7e]+)$/i;

/** bearerOf takes the credential out of an `Authorization` value (RFC 6750 §2.1). */
export const bearerOf = (authorization: string | undefined): string | undefined =>
  authorization === undefined || authorization.length > credentialBytesMax
    ? undefined
    : bearer.exec(authorization)?.[1];

/** Credentials tells whose licence a credential is. Credential texts are never kept, only their hashes. */
export class Credentials {
  readonly #directory: Directory;
  readonly #vault: Vault;
  readonly #clock: Clock;
  readonly #known = new LRUCache<string, Known>({ max: knownMax });

  constructor(directory: Directory, vault: Vault, clock: Clock) {
    this.#directory = directory;
    this.#vault = vault;
    this.#clock = clock;
  }

  /** licenceOf answers at once, or with the promise of what is missing: await it and ask again. @throws Fault unauthenticated, token_expired, store_unavailable */
  licenceOf(text: string | undefined): LicenceEntry | Promise<unknown> {
    if (text === undefined) throw new Fault('unauthenticated');
    const cacheKey = hash('sha256', text, 'base64');
    const known = this.#known.get(cacheKey);
    if (!known) return this.#learn(text, cacheKey);
    if (known.kind === 'session' && known.untilMs <= this.#clock.nowMs()) throw new Fault('token_expired');
    const licence = this.#directory.licence(known.licenceId);
    if (licence instanceof Promise) return licence;
    if (licence && ofItsKey(known, licence)) return licence;
    this.#known.delete(cacheKey);
    throw new Fault('unauthenticated');
  }

  async #learn(text: string, cacheKey: string): Promise<void> {
    const key = parseBearerKey(text);
    this.#known.set(
      cacheKey,
      key?.kind === 'licence' ? await this.#learnKey(text, key.lookup) : await this.#learnSession(text),
    );
  }

  async #learnKey(text: string, lookup: string): Promise<Known> {
    const licenceId = await this.#directory.licenceIdByLookup(lookup);
    if (licenceId === undefined) throw new Fault('unauthenticated');
    const keyHash = this.#vault.hashBearerKey(text);
    const licence = await this.#directory.licence(licenceId);
    if (!licence || !sameBytes(keyHash, licence.keyHash)) throw new Fault('unauthenticated');
    return { kind: 'key', licenceId, hash: keyHash };
  }

  async #learnSession(text: string): Promise<Known> {
    const claims = await verifyLicenceSession(text, { vault: this.#vault, clock: this.#clock });
    return { kind: 'session', ...claims, untilMs: (decodeJwt(text).exp ?? 0) * 1000 };
  }
}

const ofItsKey = (known: Known, licence: LicenceEntry): boolean =>
  known.kind === 'session' ? known.keyLookup === licence.keyLookup : sameBytes(known.hash, licence.keyHash);

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
