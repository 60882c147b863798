import type { Limits, Tenancy, UsageLimits } from '@nm/kernel/contracts';
import type { CompiledRules, StandingFacts } from '@nm/kernel/licensing';

/** What the directory keeps of a licence. A changed licence is a new object: its identity tells that nothing changed. */
export interface LicenceEntry {
  readonly id: string;
  readonly orgId: string;
  readonly appId: string;
  /** `org/app` of the app that it is for. */
  readonly appPath: string;
  readonly keyLookup: string;
  readonly keyHash: Uint8Array;
  /** 0 to 99: which rollouts it takes part in. */
  readonly cohort: number;
  readonly facts: StandingFacts['licence'];
  readonly plan: StandingFacts['plan'];
  readonly limits: Limits;
  readonly customer: StandingFacts['customer'];
  /** What the plan leaves a suspended licence of its clusters. */
  readonly suspendedAccess: 'shut' | 'read-only';
  readonly factsVersion: string;
  /** Expiry as answers say it. */
  readonly expiresText: string | undefined;
}

export interface AppEntry {
  readonly id: string;
  readonly orgId: string;
  readonly org: string;
  readonly app: string;
  readonly kind: 'kama' | 'ktea';
  /** Engines (apps of kind ktea) that its licences may use too. */
  readonly engines: readonly string[];
  /** Origins of web pages that may call it; `*` for all. */
  readonly corsOrigins: readonly string[];
  readonly rules: CompiledRules;
  /** Undefined while the app has no rules of its own. */
  readonly ruleSetVersion: number | undefined;
  readonly limits: UsageLimits;
  readonly orgLimits: UsageLimits;
  readonly renewalUrl: string | undefined;
}

export interface VersionEntry {
  readonly id: string;
  readonly appId: string;
  readonly orgId: string;
  readonly name: string;
  readonly tenancy: Tenancy;
  readonly startSeconds: number;
  readonly idleSeconds: number;
  readonly encodedSlashes: boolean;
}

/** What a selector stands for: one version, or during a channel's rollout two. */
export interface Selection {
  readonly version: VersionEntry;
  readonly next: VersionEntry | undefined;
  /** Cohorts below it get `next`. */
  readonly nextPercent: number;
  /** Name of the channel; undefined when the selector named a version. */
  readonly channel: string | undefined;
}

/** A licence session that somebody opened; ended ones open nothing. */
export interface SessionEntry {
  readonly id: string;
  readonly licenceId: string;
  readonly ended: boolean;
}

export interface InstallEntry {
  readonly id: string;
  readonly orgId: string;
  readonly licenceId: string;
  readonly clusterId: string;
  readonly namespace: string;
  readonly state: string;
  /** False while the licensee keeps the cluster proxy shut. */
  readonly clusterAccess: boolean;
}

/** A token for the cluster proxy, as its row knows it. */
export interface InstallTokenEntry {
  readonly id: string;
  readonly name: string;
  readonly installId: string;
  readonly licenceId: string;
  /** The hosted KAMA that it belongs to. */
  readonly instanceId: string | undefined;
  /** Neither revoked nor left behind by a KAMA that has stopped. */
  readonly good: boolean;
}

export interface InstanceEntry {
  readonly id: string;
  readonly orgId: string;
  readonly observed: string;
  readonly desired: string;
  readonly address: string | undefined;
  /** Where it listens, as a target's origin; undefined while it is not to be used. */
  readonly origin: string | undefined;
  /** Back-off of a crashed instance: it is not started again before. */
  readonly notBeforeMs: number | undefined;
}

/** versionFor is the version that a licence of this cohort gets. */
export const versionFor = ({ version, next, nextPercent }: Selection, cohort: number): VersionEntry =>
  next !== undefined && cohort < nextPercent ? next : version;
