import type { Entitlements, Tenancy } from '@nm/kernel/contracts';
import type { LicenceFacts } from '@nm/kernel/licensing';

/** What the directory keeps of a licence. A changed licence is a new object: its identity tells that nothing changed. */
export interface LicenceEntry {
  readonly id: string;
  readonly orgId: string;
  readonly appId: string;
  readonly keyLookup: string;
  readonly keyHash: Uint8Array;
  readonly facts: LicenceFacts;
  readonly entitlements: Entitlements;
}

export interface AppEntry {
  readonly id: string;
  readonly orgId: string;
  readonly org: string;
  readonly app: string;
}

export interface VersionEntry {
  readonly id: string;
  readonly appId: string;
  readonly orgId: string;
  readonly name: string;
  readonly tenancy: Tenancy;
  readonly startSeconds: number;
  readonly idleSeconds: number;
}

export interface InstallEntry {
  readonly id: string;
  readonly orgId: string;
  readonly licenceId: string;
  readonly clusterId: string;
  readonly namespace: string;
  readonly state: string;
}

export interface InstanceEntry {
  readonly id: string;
  readonly orgId: string;
  readonly observed: string;
  readonly desired: string;
  readonly address: string | undefined;
  /** Back-off of a crashed instance: it is not started again before. */
  readonly notBeforeMs: number | undefined;
}

/** originOf is where a ready instance listens; undefined while it is not to be used. */
export function originOf(instance: InstanceEntry | undefined): string | undefined {
  if (instance?.observed !== 'ready' || instance.desired !== 'running' || instance.address === undefined)
    return undefined;
  return instance.address.startsWith('http://') ? instance.address : `http://${instance.address}`;
}
