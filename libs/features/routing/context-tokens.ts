import type { ContextKeys } from '@nm/features/context';
import { installAudience } from '@nm/kernel/contracts';
import { LRUCache } from 'lru-cache';
import type { Admission } from './holder.js';
import type { SignedContext, Ticket } from './ticket.js';

interface Signing {
  readonly ticket: Ticket;
  readonly keysVersion: number;
  result: SignedContext | Promise<SignedContext>;
}

/** A token lives five minutes; whoever gets one can use it for at least one. */
const reuseMs = 240_000;
const tokensMax = 50_000;

/** ContextTokens signs one `Nm-Context` per licence, install, version and mode, and gives it to every request until it is four minutes old. */
export class ContextTokens {
  readonly #keys: Pick<ContextKeys, 'sign'>;
  readonly #signed = new LRUCache<string, Signing>({ max: tokensMax });
  #keysVersion = 0;

  constructor(keys: Pick<ContextKeys, 'sign'>) {
    this.#keys = keys;
  }

  /** keysVersion is another number after the keys changed. */
  get keysVersion(): number {
    return this.#keysVersion;
  }

  /** tokenFor gives the token at once when it is signed already; else the promise of it: await it and ask again. */
  tokenFor(admission: Admission, nowMs: number): SignedContext | Promise<unknown> {
    const { ticket, mode } = admission;
    const { context } = ticket;
    if (context && context.mode === mode && nowMs < context.untilMs && context.keysVersion === this.#keysVersion)
      return context;
    const signed = this.#lookUp(admission, nowMs);
    if (signed instanceof Promise) return signed;
    ticket.context = signed;
    return signed;
  }

  /** keysChanged has everything signed again by the keys of now. Tokens signed before stay good until they expire, because old keys retire slowly. */
  keysChanged(): void {
    this.#keysVersion++;
    this.#signed.clear();
  }

  /** Several credentials may have the same ground. */
  #lookUp(admission: Admission, nowMs: number): SignedContext | Promise<SignedContext> {
    const { ticket, mode, version } = admission;
    const key = `${ticket.licence.id}|${ticket.install?.id ?? ''}|${version.id}|${mode}`;
    const known = this.#signed.get(key);
    if (known && sameFacts(known.ticket, ticket)) {
      if (known.result instanceof Promise || nowMs < known.result.untilMs) return known.result;
    }
    const keysVersion = this.#keysVersion;
    const result = this.#sign(admission, nowMs, keysVersion);
    const signing: Signing = { ticket, keysVersion, result };
    this.#signed.set(key, signing);
    result.then(
      (context) => {
        signing.result = context;
      },
      () => this.#signed.delete(key),
    );
    return result;
  }

  async #sign({ ticket, mode, version }: Admission, nowMs: number, keysVersion: number): Promise<SignedContext> {
    const { licence, install, app } = ticket;
    const text = await this.#keys.sign({
      aud: install ? [app.id, installAudience] : [app.id],
      sub: licence.id,
      org: app.org,
      orgId: app.orgId,
      app: app.app,
      appId: app.id,
      version: version.name,
      versionId: version.id,
      mode,
      entitlements: licence.plan.entitlements,
      ...(install ? { install: { id: install.id, cluster: install.clusterId, namespace: install.namespace } } : {}),
    });
    return { text, mode, untilMs: nowMs + reuseMs, keysVersion };
  }
}

/** Entries are replaced, never changed: the same objects are the same facts. */
const sameFacts = (a: Ticket, b: Ticket): boolean =>
  a.licence === b.licence && a.install === b.install && a.version === b.version && a.app === b.app;
