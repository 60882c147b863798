import { createEgressAgent, type EgressPolicy } from '@nm/adapters/egress';
import type { Clock } from '@nm/kernel/time';
import { createLocalJWKSet, type JWK } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { fetchDocument } from './fetch-document.js';

/** A set of keys to verify with; jose picks by `kid` and `alg`. */
export type KeySet = ReturnType<typeof createLocalJWKSet>;

const keysMax = 100;
const issuersMax = 1_000;
/** Keys are fetched again after this long, so that a withdrawn one is forgotten. */
const freshMs = 10 * 60_000;
/** While the issuer does not answer, what was fetched last holds this long. */
const holdMs = 60 * 60_000;
/** An unknown key id makes us ask again, at most once in this time: anybody can invent key ids. */
const askAgainMs = 60_000;

const Jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(keysMax) });

/** verifyingKeys keeps public keys for signatures: no secrets (`oct`), no private parts, none that is meant for encryption. */
export function verifyingKeys(document: unknown): JWK[] | undefined {
  const parsed = Jwks.safeParse(document);
  if (!parsed.success) return undefined;
  return parsed.data.keys.filter(
    ({ kty, use, d, k }) => ['RSA', 'EC', 'OKP'].includes(kty) && (use === undefined || use === 'sig') && !d && !k,
  ) as JWK[];
}

interface Held {
  readonly set: KeySet;
  readonly atMs: number;
}

export type FetchDocument = (url: string) => Promise<unknown>;

/**
 * IssuerKeys holds the public keys of issuers in memory. One fetch at a time per issuer; a fetch that fails leaves what was there, for an hour.
 */
export class IssuerKeys {
  readonly #fetch: FetchDocument;
  readonly #clock: Clock;
  readonly #held = new LRUCache<string, Held>({ max: issuersMax });
  readonly #askedMs = new LRUCache<string, number>({ max: issuersMax });
  readonly #pending = new Map<string, Promise<KeySet>>();

  constructor(fetch: FetchDocument, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** of gives the keys at an address, from memory when they are fresh. @throws Fault issuer_unusable, egress_denied */
  async of(jwksUri: string): Promise<KeySet> {
    const held = this.#held.get(jwksUri);
    if (held && this.#ageMs(held.atMs) < freshMs) return held.set;
    if (!held || this.#ageMs(held.atMs) >= holdMs) return this.#load(jwksUri);
    return this.#mayAsk(jwksUri) ? this.#load(jwksUri).catch(() => held.set) : held.set;
  }

  /** again gives newer keys after an unknown key id; undefined when it was asked for too recently. @throws Fault issuer_unusable, egress_denied */
  async again(jwksUri: string): Promise<KeySet | undefined> {
    const pending = this.#pending.get(jwksUri);
    if (pending) return pending;
    return this.#mayAsk(jwksUri) ? this.#load(jwksUri) : undefined;
  }

  #ageMs(atMs: number): number {
    return this.#clock.monotonicMs() - atMs;
  }

  #mayAsk(jwksUri: string): boolean {
    const askedMs = this.#askedMs.get(jwksUri);
    return askedMs === undefined || this.#ageMs(askedMs) >= askAgainMs;
  }

  #load(jwksUri: string): Promise<KeySet> {
    let pending = this.#pending.get(jwksUri);
    if (!pending) {
      this.#askedMs.set(jwksUri, this.#clock.monotonicMs());
      pending = this.#read(jwksUri).finally(() => this.#pending.delete(jwksUri));
      this.#pending.set(jwksUri, pending);
    }
    return pending;
  }

  async #read(jwksUri: string): Promise<KeySet> {
    const keys = verifyingKeys(await this.#fetch(jwksUri)) ?? [];
    const set = createLocalJWKSet({ keys });
    this.#held.set(jwksUri, { set, atMs: this.#clock.monotonicMs() });
    return set;
  }
}

/** openIssuerKeys makes IssuerKeys that fetch by way of the egress policy; `close` ends its connections. */
export function openIssuerKeys(policy: EgressPolicy, clock: Clock) {
  const agent = createEgressAgent(policy, { connectionsMax: 4 });
  return { keys: new IssuerKeys((url) => fetchDocument(agent, url), clock), close: () => agent.close() };
}
