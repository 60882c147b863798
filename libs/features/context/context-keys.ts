import type { Db } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import {
  ClusterTokenClaims,
  ContextClaims,
  clusterAudience,
  clusterTokenSecondsMax,
  contextIssuer,
} from '@nm/kernel/contracts';
import { Fault, invariant, isFault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { decodeProtectedHeader, errors, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { contextAlgorithm, ensureSigningKey, publishMs, readSigningKeys, type SigningKey } from './signing-key.js';

export interface ContextKeysOptions {
  readonly db: Db;
  readonly vault: Vault;
  readonly clock: Clock;
}

/** What the caller decides of a context token; issuer, times and id are set when it is signed. */
export type ContextFacts = Omit<ContextClaims, 'iss' | 'iat' | 'exp' | 'jti'>;
/** Likewise of a token for the cluster proxy; `jti` is the id of its row. */
export type ClusterTokenFacts = Omit<ClusterTokenClaims, 'iss' | 'aud' | 'iat' | 'exp'>;

/** Life of a context token, in seconds. */
const contextSecondsMax = 300;
/** Explicit type of our token (RFC 8725 §3.11), so that no other JWT of ours is taken for one. */
const tokenType = 'nm-context+jwt';
/** Of tokens for the cluster proxy, which no KAMA and no API takes. */
const clusterTokenType = 'nm-cluster+jwt';
/** A token with an unknown key makes us look, but not more often than this: the key id is the sender's text. */
const refreshMsMin = 2_000;

/** ContextKeys signs and checks context tokens (`Nm-Context`, install tokens) with the keys of table `signing_key`. */
export class ContextKeys {
  readonly #options: ContextKeysOptions;
  #keys = new Map<string, SigningKey>();
  #refreshedMs = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  private constructor(options: ContextKeysOptions) {
    this.#options = options;
  }

  /** open loads the keys, and makes the first one when there is none. @throws Fault store_unavailable, seal_broken */
  static async open(options: ContextKeysOptions): Promise<ContextKeys> {
    const keys = new ContextKeys(options);
    await keys.refresh();
    if (!keys.#active) {
      await options.db.asSystem((tx) => ensureSigningKey(tx, options.vault, options.clock.now()));
      await keys.refresh();
    }
    invariant(keys.#active, 'there is an active signing key');
    return keys;
  }

  /** The key to sign with: the newest that has been published long enough for every verifier to have seen it; at the very start the oldest. */
  get #active(): SigningKey | undefined {
    const active = [...this.#keys.values()].filter((key) => key.state === 'active');
    const publishedMs = this.#options.clock.nowMs() - publishMs;
    return active.find(({ createdAtMs }) => createdAtMs <= publishedMs) ?? active.at(-1);
  }

  /** refresh reads the table again; call it on a change of kind `signing_key`. Concurrent calls share one read. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#load().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #load(): Promise<void> {
    const { db, vault, clock } = this.#options;
    const keys = await db.asSystem((tx) => readSigningKeys(tx, vault));
    this.#keys = new Map(keys.map((key) => [key.id, key]));
    this.#refreshedMs = clock.monotonicMs();
  }

  /** sign makes a token that lives five minutes from now. */
  sign(facts: ContextFacts): Promise<string> {
    return this.#sign(tokenType, { ...facts, jti: newId('request') }, contextSecondsMax);
  }

  /** signCluster makes a token for the cluster proxy. @param seconds its life, at most an hour */
  async signCluster(facts: ClusterTokenFacts, seconds: number): Promise<string> {
    invariant(seconds > 0 && seconds <= clusterTokenSecondsMax, 'a cluster token lives an hour at most');
    return this.#sign(clusterTokenType, { ...facts, aud: clusterAudience }, seconds);
  }

  async #sign(type: string, payload: JWTPayload, seconds: number): Promise<string> {
    const key = this.#active;
    invariant(key, 'there is an active signing key');
    const nowSeconds = Math.floor(this.#options.clock.nowMs() / 1000);
    return new SignJWT({ ...payload, iss: contextIssuer })
      .setProtectedHeader({ alg: contextAlgorithm, typ: type, kid: key.id })
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + seconds)
      .sign(key.privateKey);
  }

  /**
   * verify checks signature, type, issuer, times and, when named, audience.
   * @throws Fault token_expired, or unauthenticated for everything else that is wrong with it
   */
  verify(token: string, expected: { readonly audience?: string } = {}): Promise<ContextClaims> {
    return this.#verify(ContextClaims, token, tokenType, expected.audience);
  }

  /** verifyCluster does the same for a token of the cluster proxy. */
  verifyCluster(token: string): Promise<ClusterTokenClaims> {
    return this.#verify(ClusterTokenClaims, token, clusterTokenType, clusterAudience);
  }

  async #verify<C>(claims: { parse(payload: unknown): C }, token: string, typ: string, audience?: string): Promise<C> {
    try {
      const key = await this.#keyOf(token);
      const { payload } = await jwtVerify(token, key.publicKey, {
        algorithms: [contextAlgorithm],
        typ,
        issuer: contextIssuer,
        requiredClaims: ['sub', 'aud', 'iat', 'exp', 'jti'],
        currentDate: this.#options.clock.now(),
        ...(audience === undefined ? {} : { audience }),
      });
      return claims.parse(payload);
    } catch (cause) {
      if (isFault(cause)) throw cause;
      throw new Fault(cause instanceof errors.JWTExpired ? 'token_expired' : 'unauthenticated', { cause });
    }
  }

  /** jwks is the public key set (RFC 7517 §5): keys in use, and those that retire while their tokens live. */
  jwks(): { readonly keys: readonly JWK[] } {
    return { keys: [...this.#keys.values()].map((key) => key.publicJwk) };
  }

  async #keyOf(token: string): Promise<SigningKey> {
    const { kid } = decodeProtectedHeader(token);
    if (kid === undefined) throw new Fault('unauthenticated', { internal: 'token without kid' });
    const known = this.#keys.get(kid);
    if (known) return known;
    if (this.#options.clock.monotonicMs() - this.#refreshedMs >= refreshMsMin) await this.refresh();
    const found = this.#keys.get(kid);
    if (!found) throw new Fault('unauthenticated', { internal: 'token of an unknown key' });
    return found;
  }
}
