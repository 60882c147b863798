import { hash } from 'node:crypto';
import type { ContextKeys } from '@nm/features/context';
import type { ClusterPass } from '@nm/features/routing';
import { type ContextClaims, installAudience } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { decodeProtectedHeader } from 'jose';
import { LRUCache } from 'lru-cache';

const verifiedMax = 10_000;

/** Who calls by a token: what the record of changes says. */
export interface Caller {
  readonly pass: ClusterPass;
  readonly kind: 'licensee' | 'instance' | 'app';
  /** Id of the token, or of the version whose KAMA has the context token. */
  readonly id: string;
  /** Undefined: the token's row has it. */
  readonly name: string | undefined;
}

/** InstallTokens checks the credentials of the cluster proxy: tokens made for it, and context tokens that came back. A signature is checked once. */
export class InstallTokens {
  readonly #keys: ContextKeys;
  readonly #clock: Clock;
  readonly #verified = new LRUCache<string, Caller>({ max: verifiedMax });

  constructor(keys: ContextKeys, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** @throws Fault unauthenticated, token_expired */
  async verify(token: string | undefined): Promise<Caller> {
    if (token === undefined) throw new Fault('unauthenticated');
    const cacheKey = hash('sha256', token, 'base64');
    const known = this.#verified.get(cacheKey);
    if (known) {
      if (known.pass.untilMs <= this.#clock.nowMs()) throw new Fault('token_expired');
      return known;
    }
    const caller = typeOf(token) === 'nm-cluster+jwt' ? await this.#ofCluster(token) : await this.#ofContext(token);
    this.#verified.set(cacheKey, caller);
    return caller;
  }

  /** clear forgets all, because the signing keys changed. */
  clear(): void {
    this.#verified.clear();
  }

  async #ofCluster(token: string): Promise<Caller> {
    const { jti, instance, ...claims } = await this.#keys.verifyCluster(token);
    const pass = { ...passOf(claims, claims.install), tokenId: jti, instanceId: instance };
    return { pass, kind: instance === undefined ? 'licensee' : 'instance', id: jti, name: undefined };
  }

  async #ofContext(token: string): Promise<Caller> {
    const claims = await this.#keys.verify(token, { audience: installAudience });
    if (!claims.install) throw new Fault('unauthenticated', { internal: 'install audience without an install' });
    const pass = { ...passOf(claims, claims.install), tokenId: undefined, instanceId: undefined };
    return { pass, kind: 'app', id: claims.versionId, name: `${claims.app} ${claims.version}` };
  }
}

const passOf = (
  { sub, mode, exp }: Pick<ContextClaims, 'sub' | 'mode' | 'exp'>,
  install: NonNullable<ContextClaims['install']>,
) => ({
  clusterId: install.cluster,
  licenceId: sub,
  installId: install.id,
  mode,
  untilMs: exp * 1000,
});

function typeOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).typ;
  } catch {
    throw new Fault('unauthenticated');
  }
}
