import type { ContextKeys } from '@nm/features/context';
import { installAudience } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { LRUCache } from 'lru-cache';
import type { Admission } from './admit.js';

interface Signed {
  readonly admission: Admission;
  readonly untilMs: number;
  token: string | Promise<string>;
}

/** A token lives five minutes; whoever gets one can use it for at least one. */
const reuseMs = 240_000;
const tokensMax = 50_000;

/** ContextTokens signs one `Nm-Context` per licence, install, version and mode, and gives it to every request until it is four minutes old. */
export class ContextTokens {
  readonly #keys: Pick<ContextKeys, 'sign'>;
  readonly #clock: Clock;
  readonly #signed = new LRUCache<string, Signed>({ max: tokensMax });

  constructor(keys: Pick<ContextKeys, 'sign'>, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** tokenFor gives the token at once when it is signed already. */
  tokenFor(admission: Admission): string | Promise<string> {
    const { licence, install, version, decision } = admission;
    const key = `${licence.id}|${install?.id ?? ''}|${version.id}|${decision.effect}`;
    const nowMs = this.#clock.nowMs();
    const known = this.#signed.get(key);
    if (known && nowMs < known.untilMs && sameFacts(known.admission, admission)) return known.token;
    const token = this.#sign(admission);
    const signed: Signed = { admission, untilMs: Math.min(nowMs + reuseMs, decision.validUntilMs), token };
    this.#signed.set(key, signed);
    token.then(
      (text) => {
        signed.token = text;
      },
      () => this.#signed.delete(key),
    );
    return token;
  }

  /** clear forgets all, because the signing keys changed. */
  clear(): void {
    this.#signed.clear();
  }

  #sign({ licence, install, version, app, decision }: Admission): Promise<string> {
    return this.#keys.sign({
      aud: install ? [app.id, installAudience] : [app.id],
      sub: licence.id,
      org: app.org,
      orgId: app.orgId,
      app: app.app,
      appId: app.id,
      version: version.name,
      versionId: version.id,
      mode: decision.effect === 'allow' ? 'full' : 'read-only',
      entitlements: licence.entitlements,
      ...(install ? { install: { id: install.id, cluster: install.clusterId, namespace: install.namespace } } : {}),
    });
  }
}

/** Entries are replaced, never changed: the same objects are the same facts. */
const sameFacts = (a: Admission, b: Admission): boolean =>
  a.licence === b.licence && a.install === b.install && a.version === b.version && a.app === b.app;
