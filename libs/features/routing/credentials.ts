import type { Db } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import {
  claimUserSeat,
  type IssuerKeys,
  licenceSessionType,
  type TrustedIssuer,
  verifyLicenceSession,
  verifyOidcUserToken,
} from '@nm/features/access';
import type { ContextKeys } from '@nm/features/context';
import { installAudience } from '@nm/kernel/contracts';
import { Fault, hasCode, isFault } from '@nm/kernel/fault';
import { parseBearerKey, randomKeyBytes } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { CredentialTable } from './credential-table.js';
import type { Directory } from './directory.js';
import type { LicenceEntry } from './entries.js';
import { type Holder, ofItsKey, type Way } from './holder.js';

export interface CredentialsOptions {
  readonly directory: Directory;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly contexts: Pick<ContextKeys, 'verify'>;
  readonly db: Db;
  /** Public keys of the issuers of user tokens. */
  readonly issuerKeys: IssuerKeys;
}

const knownMax = 200_000;
/** Wrong credentials are remembered briefly, few of them: strangers choose them. */
const refusedMax = 4_096;
const refusedMs = 2_000;
const credentialCharsMax = 8_192;
const bearer = /^bearer +([\x21-\x7e]+)$/i;
/** As nearly everybody writes it. */
const bearerPrefix = 'Bearer ';
const visible = /^[\x21-\x7e]+$/;
const contextTokenType = 'nm-context+jwt';

/** bearerOf takes the credential out of an `Authorization` value (RFC 6750 §2.1). */
export function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > credentialCharsMax) return undefined;
  if (authorization.startsWith(bearerPrefix)) {
    const credential = authorization.slice(bearerPrefix.length);
    if (visible.test(credential)) return credential;
  }
  return bearer.exec(authorization)?.[1];
}

/** Credentials tells whose licence a credential is. Texts that were found good stay in memory, and nowhere else. */
export class Credentials {
  readonly #options: CredentialsOptions;
  readonly #known: CredentialTable<Holder>;
  #clearings = 0;
  readonly #refused: CredentialTable<{ readonly fault: Fault; readonly untilMs: number }>;

  constructor(options: CredentialsOptions) {
    this.#options = options;
    this.#known = new CredentialTable(knownMax, randomKeyBytes(4).readInt32LE());
    this.#refused = new CredentialTable(refusedMax, randomKeyBytes(4).readInt32LE());
  }

  /**
   * holderOf answers at once, or with the promise of what is missing: await it and ask again.
   * @param presented credential without its scheme
   * @param appPath app that the request is for: a user token names its licence for one app
   * @param nowMs the time of now
   * @throws Fault unauthenticated, token_expired, user_seats_exhausted, issuer_unusable, store_unavailable
   */
  holderOf(presented: string | undefined, appPath: string, nowMs: number): Holder | Promise<unknown> {
    if (presented === undefined) throw new Fault('unauthenticated');
    const own = this.#known.get(presented);
    if (own) return this.#current(presented, own, nowMs);
    if (!presented.startsWith('ey')) return this.#unknown(presented, presented, appPath);
    const text = `${appPath} ${presented}`;
    const ofUser = this.#known.get(text);
    return ofUser ? this.#current(text, ofUser, nowMs) : this.#unknown(presented, text, appPath);
  }

  /** recall finds what was learnt of a credential, however long ago: what it is worth now is not asked. User tokens are not found. */
  recall(presented: string): Holder | undefined {
    return this.#known.get(presented);
  }

  /** current holds what was learnt against what is true now. */
  #current(text: string, holder: Holder, nowMs: number): Holder | Promise<unknown> {
    if (holder.untilMs <= nowMs) {
      this.#known.delete(text);
      throw new Fault('token_expired');
    }
    const { version } = this.#options.directory;
    if (holder.checkedVersion === version) return holder;
    if (holder.issuers !== undefined) return this.#currentUser(text, holder, holder.issuers);
    const session = holder.sessionId === undefined ? undefined : this.#options.directory.session(holder.sessionId);
    if (session instanceof Promise) return session;
    const licence = this.#options.directory.licence(holder.licenceId);
    if (licence instanceof Promise) return licence;
    const open = holder.sessionId === undefined || session?.ended === false;
    if (open && licence !== undefined && (licence === holder.licence || ofItsKey(holder, licence))) {
      holder.licence = licence;
      holder.checkedVersion = version;
      return holder;
    }
    this.#known.delete(text);
    throw new Fault('unauthenticated');
  }

  /** A user's licence is chosen by what the licences and issuers say, so it is chosen again when they change. */
  #currentUser(text: string, holder: Holder, trusted: readonly TrustedIssuer[]): Holder | Promise<unknown> {
    const issuers = this.#options.directory.issuers(holder.licence.orgId);
    if (issuers instanceof Promise) return issuers;
    const licence = this.#options.directory.licence(holder.licenceId);
    if (licence instanceof Promise) return licence;
    if (licence === holder.licence && issuers === trusted) {
      holder.checkedVersion = this.#options.directory.version;
      return holder;
    }
    this.#known.delete(text);
    return Promise.resolve();
  }

  /** How often everything was forgotten. */
  get clearings(): number {
    return this.#clearings;
  }

  /** clear forgets everything, because the keys that sign tokens changed. */
  clear(): void {
    this.#clearings++;
    this.#known.clear();
    this.#refused.clear();
  }

  #unknown(presented: string, text: string, appPath: string): Promise<unknown> {
    const refused = this.#refused.get(text);
    if (refused && refused.untilMs > this.#options.clock.monotonicMs()) throw refused.fault;
    return this.#learn(presented, text, appPath).catch((error: unknown) => {
      if (isFault(error) && !hasCode(error, 'store_unavailable'))
        this.#refused.set(text, { fault: error, untilMs: this.#options.clock.monotonicMs() + refusedMs });
      throw error;
    });
  }

  async #learn(presented: string, text: string, appPath: string): Promise<void> {
    const key = parseBearerKey(presented);
    if (key?.kind === 'licence') return this.#known.set(presented, await this.#learnKey(presented, key.lookup));
    switch (typeOf(presented)) {
      case contextTokenType:
        return this.#known.set(presented, await this.#learnInstall(presented));
      case licenceSessionType:
        return this.#known.set(presented, await this.#learnSession(presented));
      default:
        return this.#known.set(text, await this.#learnUser(presented, appPath));
    }
  }

  /** Somebody for whom an issuer of the app's publisher vouches. An app that is missing has no issuers. */
  async #learnUser(presented: string, appPath: string): Promise<Holder> {
    const { db, clock, directory, issuerKeys } = this.#options;
    const app = await directory.app(appPath);
    const issuers = app ? await directory.issuers(app.orgId) : [];
    const user = await verifyOidcUserToken(presented, { issuers, keys: issuerKeys, clock });
    const licenceId = app && (await directory.licenceOfUser(user, app.id));
    const licence = await this.#licence(licenceId ?? '');
    if (licence.limits.seats?.users !== undefined)
      await claimUserSeat({ db, clock }, licence, {
        source: user.issuerId,
        subject: user.subject,
        email: user.email,
        name: user.name,
      });
    return holderOf({ kind: 'user', licence, issuers, untilMs: user.expiresAtMs });
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
    const { licenceId, keyLookup, sessionId, installId } = await verifyLicenceSession(text, this.#options);
    const licence = await this.#licence(licenceId);
    const untilMs = (decodeJwt(text).exp ?? 0) * 1000;
    return holderOf({ kind: 'session', licence, keyLookup, sessionId, usualInstallId: installId, untilMs });
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

const noWays: readonly Way<unknown>[] = [];

const holderOf = (
  known: Pick<Holder, 'kind' | 'licence' | 'untilMs'> &
    Partial<Pick<Holder, 'keyHash' | 'keyLookup' | 'sessionId' | 'usualInstallId' | 'issuers'>>,
): Holder => ({
  kind: known.kind,
  licenceId: known.licence.id,
  licence: known.licence,
  keyHash: known.keyHash,
  keyLookup: known.keyLookup,
  sessionId: known.sessionId,
  issuers: known.issuers,
  untilMs: known.untilMs,
  installId: undefined,
  usualInstallId: known.usualInstallId,
  readOnly: false,
  ticket: undefined,
  pass: undefined,
  checkedVersion: -1,
  ways: noWays,
});

function typeOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).typ;
  } catch {
    throw new Fault('unauthenticated');
  }
}
