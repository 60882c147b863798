import type { Db } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import type { ContextClaims } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';

/** What knows the keys of context tokens; `ContextKeys` of features/context is one. */
export interface ContextVerifier {
  /** @throws Fault unauthenticated, token_expired */
  verify(token: string, expected?: { readonly audience?: string }): Promise<ContextClaims>;
}

/** What the use cases of this lib need of the outside. */
export interface AccessDeps {
  readonly db: Db;
  readonly vault: Vault;
  readonly clock: Clock;
}
