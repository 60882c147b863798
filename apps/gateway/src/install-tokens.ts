import { hash } from 'node:crypto';
import type { ContextKeys } from '@nm/features/context';
import { type ContextClaims, installAudience } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { LRUCache } from 'lru-cache';

const verifiedMax = 10_000;

export type InstallClaims = ContextClaims & { readonly install: NonNullable<ContextClaims['install']> };

/** InstallTokens checks context tokens that came back as credentials; a signature is checked once, the time on every use. */
export class InstallTokens {
  readonly #keys: ContextKeys;
  readonly #clock: Clock;
  readonly #verified = new LRUCache<string, InstallClaims>({ max: verifiedMax });

  constructor(keys: ContextKeys, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** @throws Fault unauthenticated, token_expired */
  async verify(token: string | undefined): Promise<InstallClaims> {
    if (token === undefined) throw new Fault('unauthenticated');
    const cacheKey = hash('sha256', token, 'base64');
    const known = this.#verified.get(cacheKey);
    if (known) {
      if (known.exp * 1000 <= this.#clock.nowMs()) throw new Fault('token_expired');
      return known;
    }
    const { install, ...claims } = await this.#keys.verify(token, { audience: installAudience });
    if (!install) throw new Fault('unauthenticated', { internal: 'install audience without an install' });
    const verified = { ...claims, install };
    this.#verified.set(cacheKey, verified);
    return verified;
  }

  /** clear forgets all, because the signing keys changed. */
  clear(): void {
    this.#verified.clear();
  }
}
