import { VersionSpec } from '@nm/kernel/contracts';
import type { RuntimeHandle } from '../runtime-driver.js';

/** All that a decision about one instance is made from: its row and what belongs to it, read when it was claimed. */
export interface InstanceFacts {
  readonly id: string;
  readonly orgId: string;
  readonly desired: 'running' | 'stopped';
  readonly observed: 'stopped' | 'starting' | 'ready' | 'crashed';
  readonly handle: RuntimeHandle | undefined;
  /** The operator that held it before this claim, when it was another one. */
  readonly takenOverFrom: string | undefined;
  readonly restarts: number;
  readonly notBefore: Date | undefined;
  readonly wantedAt: Date | undefined;
  readonly startedAt: Date | undefined;
  readonly readyAt: Date | undefined;
  readonly lastUsedAt: Date | undefined;
  /** The database's clock: every operator goes by this one. */
  readonly now: Date;
  readonly spec: VersionSpec;
  readonly names: {
    readonly appId: string;
    readonly org: string;
    readonly app: string;
    readonly version: string;
    readonly install: { readonly id: string; readonly cluster: string; readonly namespace: string } | undefined;
  };
}

/** lastWanted is the newest sign that somebody needs the instance. */
export const lastWanted = (facts: InstanceFacts): number =>
  Math.max(facts.wantedAt?.getTime() ?? 0, facts.lastUsedAt?.getTime() ?? 0, facts.readyAt?.getTime() ?? 0);
