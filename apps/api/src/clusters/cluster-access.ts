import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Db } from '@nm/adapters/db';
import { EgressPolicy } from '@nm/adapters/egress';
import { Vault } from '@nm/adapters/vault';
import { type ClusterDeps, ClusterSessions } from '@nm/features/clusters';
import type { Clock } from '@nm/kernel/time';
import { CLOCK } from '../platform/tokens.js';

/** ClusterAccess holds what cluster routes work with, and ends the connections to clusters with the app. */
@Injectable()
export class ClusterAccess implements ClusterDeps, OnModuleDestroy {
  readonly sessions: ClusterSessions;

  constructor(
    readonly db: Db,
    readonly vault: Vault,
    readonly policy: EgressPolicy,
    @Inject(CLOCK) readonly clock: Clock,
  ) {
    this.sessions = new ClusterSessions(this);
  }

  onModuleDestroy(): Promise<void> {
    return this.sessions.close();
  }
}
