import type { Db } from '@nm/adapters/db';
import type { EgressPolicy } from '@nm/adapters/egress';
import type { Vault } from '@nm/adapters/vault';
import type { Clock } from '@nm/kernel/time';

/** What the use cases of clusters need. */
export interface ClusterDeps {
  readonly db: Db;
  readonly vault: Vault;
  readonly policy: EgressPolicy;
  readonly clock: Clock;
}
