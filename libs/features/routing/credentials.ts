import { timingSafeEqual } from 'node:crypto';
import type { Vault } from '@nm/adapters/vault';
import { verifyLicenceSession } from '@nm/features/access';
import type { ContextKeys } from '@nm/features/context';
import { installAudience } from '@nm/kernel/contracts';
import { Fault, hasCode, isFault } from '@nm/kernel/fault';
import { parseBearerKey, randomKeyBytes } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { CredentialTable } from './credential-table.js';
import type { Directory } from './directory.js';
import type { LicenceEntry } from './entries.js';
import type { Ticket } from './ticket.js';

export type CredentialKind = 'key' | 'session' | 'install';

/**
 * Holder is what a credential was found to be. It is held against the licence of now on each use: a rotated key stops at once, and its sessions
 * with it; `licence` is the entry for which that was last done.
 */
export interface Holder {
  readonly kind: CredentialKind;
  readonly licenceId: string;
  licence: LicenceEntry;
  /** The licence's key when this was learnt: its hash, or for sessions its lookup part. Install tokens die of their own age. */
  readonly keyHash: Uint8Array | undefined;
  readonly keyLookup: string | undefined;
  /** Session that it belongs to; it ends everywhere when that is ended. */
  readonly sessionId: string | undefined;
  readonly untilMs: number;
  /** Set when the credential is worth one install only. */
  readonly installId: string | undefined;
  readonly readOnly: boolean;
  /** The last decision's ground, for the next request of the same kind. */
  ticket: Ticket | undefined;
}

export interface CredentialsOptions {
  readonly directory: Directory;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly contexts: Pick<ContextKeys, 'verify'>;
}

const knownMax = 200_000;
/** Wrong credentials are remembered briefly, few of them: strangers choose them. */
const refusedMax = 4_096;
const refusedMs = 2_000;
const credentialCharsMax = 4_096;
const bearer = /^bearer +([\x21-\x7e]+)$/i;
const contextTokenType = 'nm-context+jwt';

/** bearerOf takes the credential out of an `Authorization` value (RFC 6750 §2.1). */
export const bearerOf = (authorization: string | undefined): string | undefined =>
  authorization === undefined || authorization.length > credentialCharsMax
    ? undefined
    : bearer.exec(authorization)?.[1];

/** Credentials tells whose licence a credential is. Texts that were found good stay in memory, and nowhere else. */
export class Credentials {
  readonly #options: CredentialsOptions;
  readonly #known: CredentialTable<Holder>;
  readonly #refused: CredentialTable<{ readonly fault: Fault; readonly untilMs: number }>;

  constructor(options: CredentialsOptions) {
    this.#options = options;
    this.#known = new CredentialTable(knownMax, randomKeyBytes(4).readInt32LE());
    this.#refused = new CredentialTable(refusedMax, randomKeyBytes(4).readInt32LE());
  }

  /**
   * holderOf answers at once, or with the promise of what is missing: await it and ask again.
   * @param text credential without its scheme
   * @throws Fault unauthenticated, token_expired, store_unavailable
   */
  holderOf(text: string | undefined): Holder | Promise<unknown> {
    if (text === undefined) throw new Fault('unauthenticated');
    const holder = this.#known.get(text);
    if (!holder) return this.#unknown(text);
    if (holder.untilMs <= this.#options.clock.nowMs()) {
      this.#known.delete(text);
      throw new Fault('token_expired');
    }
    const session = holder.sessionId === undefined ? undefined : this.#options.directory.session(holder.sessionId);
    if (session instanceof Promise) return session;
    const licence = this.#options.directory.licence(holder.licenceId);
    if (licence instanceof Promise) return licence;
    const open = holder.sessionId === undefined || session?.ended === false;
    if (open && licence !== undefined && (licence === holder.licence || ofItsKey(holder, licence))) {
      holder.licence = licence;
      return holder;
    }
    this.#known.delete(text);
    throw new Fault('unauthenticated');
  }

  /** clear forgets everything, because the keys that sign tokens changed. */
  clear(): void {
    this.#known.clear();
    this.#refused.clear();
  }

  #unknown(text: string): Promise<unknown> {
    const refused = this.#refused.get(text);
    if (refused && refused.untilMs > this.#options.clock.monotonicMs()) throw refused.fault;
    return this.#learn(text).catch((error: unknown) => {
      if (isFault(error) && !hasCode(error, 'store_unavailable'))
        this.#refused.set(text, { fault: error, untilMs: this.#options.clock.monotonicMs() + refusedMs });
      throw error;
    });
  }

  async #learn(text: string): Promise<void> {
    const key = parseBearerKey(text);
    if (key?.kind === 'licence') return this.#known.set(text, await this.#learnKey(text, key.lookup));
    const holder = typeOf(text) === contextTokenType ? await this.#learnInstall(text) : await this.#learnSession(text);
    this.#known.set(text, holder);
  }

  async #learnKey(text: string, lookup: string): Promise<Holder> {
    const licenceId = await this.#options.directory.licenceIdByLookup(lookup);
    const licence = licenceId === undefined ? undefined : await this.#options.directory.licence(licenceId);
    if (!licence) throw new Fault('unauthenticated');
    const keyHash = this.#options.vault.hashBearerKey(text);
    const holder = holderOf({ kind: 'key', licence, keyHash, untilMs: Infinity });
    if (!ofItsKey(holder, licence)) throw new Fault('unauthenticated');
    return holder;
  }

  async #learnSession(text: string): Promise<Holder> {
    const { licenceId, keyLookup, sessionId } = await verifyLicenceSession(text, this.#options);
    const licence = await this.#licence(licenceId);
    const untilMs = (decodeJwt(text).exp ?? 0) * 1000;
    return holderOf({ kind: 'session', licence, keyLookup, sessionId, untilMs });
  }

  /** A KAMA may call with the very token that it got: it is worth that install, in that mode, for its last minutes. */
  async #learnInstall(text: string): Promise<Holder> {
    const claims = await this.#options.contexts.verify(text, { audience: installAudience });
    if (!claims.install) throw new Fault('unauthenticated');
    const licence = await this.#licence(claims.sub);
    const { id: installId } = claims.install;
    const readOnly = claims.mode === 'read-only';
    return { ...holderOf({ kind: 'install', licence, untilMs: claims.exp * 1000 }), installId, readOnly };
  }

  async #licence(id: string): Promise<LicenceEntry> {
    const licence = await this.#options.directory.licence(id);
    if (!licence) throw new Fault('unauthenticated');
    return licence;
  }
}

const holderOf = (
  known: Pick<Holder, 'kind' | 'licence' | 'untilMs'> & Partial<Pick<Holder, 'keyHash' | 'keyLookup' | 'sessionId'>>,
): Holder => ({
  kind: known.kind,
  licenceId: known.licence.id,
  licence: known.licence,
  keyHash: known.keyHash,
  keyLookup: known.keyLookup,
  sessionId: known.sessionId,
  untilMs: known.untilMs,
  installId: undefined,
  readOnly: false,
  ticket: undefined,
});

function ofItsKey({ keyHash, keyLookup }: Holder, licence: LicenceEntry): boolean {
  if (keyHash !== undefined) return sameBytes(keyHash, licence.keyHash);
  return keyLookup === undefined || keyLookup === licence.keyLookup;
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

function typeOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).typ;
  } catch {
    throw new Fault('unauthenticated');
  }
}
